import { places } from "../../../contract/places.js";
import type { TargetOf } from "../../../contract/target.js";
import type { Entry } from "../entry.js";
import { runFolder } from "../run-folder.js";
import { amosSettings } from "./settings.js";

/** The entry for AMOS22's second stage: a folder of images, in one of two places. */
export const amos22: Entry<TargetOf<"amos22">> = {
  kind: "amos22",
  modelPlaces: [places.image.model],
  takesApiMethod: false,
  logLine: (line) => line,
  run: async (_, context) =>
    runFolder({ ...context, settings: await amosSettings(context.settings, context.workingDir) }),
};
