import { places } from "../../../contract/places.js";
import { datedLine } from "../../../contract/progress/dated-line.js";
import type { TargetOf } from "../../../contract/target.js";
import type { Entry } from "../entry.js";
import { runFolder } from "../run-folder.js";

/** SOL: as on any host, with date and time in front of each line of the log. */
export const sol: Entry<TargetOf<"sol">> = {
  kind: "sol",
  modelPlaces: [places.image.model],
  takesApiMethod: false,
  logLine: (line) => datedLine(new Date(), line),
  run: (_, context) => runFolder(context),
};
