import { stat } from "node:fs/promises";
import { places } from "../../contract/places.js";
import type { TargetKind } from "../../contract/target.js";

/** The model that was named, else the image's own; on grand-challenge, when the image carries none, the one uploaded beside it. */
export async function findModelDir(named: string | null, target: TargetKind): Promise<string> {
  if (named !== null) return named;
  if (target !== "grand-challenge") return places.image.model;
  const ownManifest = await stat(places.image.manifest).catch(() => null);
  return ownManifest === null ? places.grandChallenge.uploadedModel : places.image.model;
}
