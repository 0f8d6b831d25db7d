import { join } from "node:path";
import { manifestName } from "../../contract/places.js";
import { exists } from "../../files/exists.js";
import type { Entry } from "./entry.js";

/** Returns the model's folder: the named folder, else the first of the entry's places that holds a model. */
export async function findModelDir(named: string | null, { modelPlaces }: Entry): Promise<string> {
  if (named !== null) return named;
  for (const place of modelPlaces.slice(0, -1)) {
    if (await exists(join(place, manifestName))) return place;
  }
  return modelPlaces.at(-1)!;
}
