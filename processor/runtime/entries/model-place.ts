import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { TargetKind } from "../../contract/target.js";
import { defaultModelDir } from "./folder-arguments.js";

/** Where grand-challenge unpacks a model that was uploaded apart from its image. */
const uploadedModelDir = "/opt/ml/model";

/** The model that was named, else the image's own; on grand-challenge, when the image carries none, the one uploaded beside it. */
export async function findModelDir(named: string | null, target: TargetKind): Promise<string> {
  if (named !== null) return named;
  if (target !== "grand-challenge") return defaultModelDir;
  const ownManifest = await stat(join(defaultModelDir, "manifest.json")).catch(() => null);
  return ownManifest === null ? uploadedModelDir : defaultModelDir;
}
