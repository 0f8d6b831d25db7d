import { readdirSync } from "node:fs";
import { join } from "node:path";

/** Returns the paths of all files below a folder, relative to it. */
export const filesBelow = (place: string): readonly string[] =>
  readdirSync(place, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(place.length + 1));
