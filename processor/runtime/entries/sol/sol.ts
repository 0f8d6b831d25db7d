import { places } from "../../../contract/places.js";
import { datedLine } from "../../../contract/progress/dated-line.js";
import type { TargetOf } from "../../../contract/target.js";
import type { Entry } from "../entry.js";
import { runFolder } from "../run-folder.js";

/** SOL works like a plain host, but each line of the log starts with date and time. */
export const sol: Entry<TargetOf<"sol">> = {
  kind: "sol",
  modelPlaces: [places.image.model],
  takesApiMethod: false,
  logLine: (line) => datedLine(new Date(), line),
  run: (_, context) => runFolder(context),
};
