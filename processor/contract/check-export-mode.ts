import type { ModelManifest } from "./manifest.js";
import type { ExportMode } from "./run-settings.js";
import { sharedError } from "./shared-errors.js";

/**
 * Refuses v1's fast modes for regions, ensembles and probability files, because these modes work on labels.
 *
 * @throws EXPORT_MODE_UNFIT
 */
export function checkExportMode(
  mode: ExportMode,
  models: readonly Pick<ModelManifest, "labels">[],
  options: { readonly savesProbabilities: boolean },
): void {
  if (mode === "normal") return;
  const unfit =
    models.length > 1
      ? "an ensemble"
      : models[0]!.labels.regionsClassOrder !== null
        ? "a model with regions"
        : options.savesProbabilities
          ? "writing probabilities"
          : null;
  if (unfit !== null) throw sharedError("EXPORT_MODE_UNFIT", `mode ${mode} cannot be used for ${unfit}`);
}
