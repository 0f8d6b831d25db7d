import { createHash } from "node:crypto";
import { join } from "node:path";
import { filesOfFold } from "../../contract/fold-files.js";
import type { ModelManifest } from "../../contract/manifest.js";
import type { LoadedModel } from "../model/load-model.js";
import { fileDigest } from "./file-digest.js";

/** Returns a digest of everything in a converted model that decides its answers, independent of the model's place. */
export async function modelDigest({ folder, manifest }: LoadedModel, signal: AbortSignal): Promise<string> {
  const { models, postProcessing } = manifest;
  const hash = createHash("sha256").update(JSON.stringify([models, postProcessing]));
  for (const file of [...new Set(models.flatMap(filesOf))].sort())
    hash.update(`\n${file} ${await fileDigest(join(folder, file), signal)}`);
  return hash.digest("hex");
}

function filesOf({ folds, gpuOnnxFile, previousStage }: ModelManifest): readonly string[] {
  const earlier = previousStage?.model ?? null;
  return [
    ...folds.flatMap((fold) => filesOfFold(fold)),
    ...(gpuOnnxFile === null ? [] : [gpuOnnxFile]),
    ...(earlier === null ? [] : filesOf(earlier)),
  ];
}
