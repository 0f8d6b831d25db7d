import { places } from "../../../contract/places.js";
import type { TargetOf } from "../../../contract/target.js";
import type { Entry } from "../entry.js";
import { runFolder } from "../run-folder.js";

/** Any host: a folder of images in, a folder of segmentations out. */
export const plain: Entry<TargetOf<"plain">> = {
  kind: "plain",
  modelPlaces: [places.image.model],
  takesApiMethod: false,
  logLine: (line) => line,
  run: (_, context) => runFolder(context),
};
