import { join } from "node:path";
import { exists } from "../../files/exists.js";
import { supportedEndings } from "../../imaging/formats/image-ending.js";
import { type ImageFile, imageFile } from "./case.js";

/** Returns a case's segmentation in a folder, such as that of a cascade's earlier stage; null if there is none. */
export async function findSegmentation(name: string, folder: string): Promise<ImageFile | null> {
  for (const ending of supportedEndings) {
    const file = join(folder, `${name}${ending}`);
    if (await exists(file)) return imageFile(file);
  }
  return null;
}
