import { join } from "node:path";
import { exists } from "../../files/exists.js";
import { supportedEndings } from "../../imaging/formats/image-ending.js";
import { type ImageFile, imageFile } from "./case.js";

/**
 * Returns the segmentation of a cascade's earlier stage; null if there is none, which is reported when the case is
 * read.
 */
export async function findPreviousStage(name: string, folder: string): Promise<ImageFile | null> {
  for (const ending of supportedEndings) {
    const file = join(folder, `${name}${ending}`);
    if (await exists(file)) return imageFile(file);
  }
  return null;
}
