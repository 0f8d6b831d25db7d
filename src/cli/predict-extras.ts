import type { ImageSettings } from "../../processor/contract/run-settings.js";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { suffixWord } from "../predict/nnunet-serve/option-words.js";
import type { ServeWords } from "../predict/nnunet-serve/parse-arguments.js";
import { refineWishes } from "../predict/nnunet-serve/refine-words.js";
import type { PredictExtras } from "../predict/predict-with.js";

/**
 * Reads what nnunet_serve can do besides nnU-Net's prediction from the words of `predict`.
 *
 * @throws USAGE
 */
export function predictExtras(words: ServeWords, { dicomSegmentations }: ImageSettings): PredictExtras {
  const refinement = refineWishes(words);
  const fractionalAsSegments = words.has("fractional_as_segments");
  if (fractionalAsSegments && refinement.candidates === null)
    throw sharedError("USAGE", "--fractional_as_segments has no effect without --class_idx");
  for (const name of ["fractional_as_segments", "fractional_metadata_path"] as const)
    if (words.has(name) && !dicomSegmentations.some((kind) => kind.endsWith("fractional")))
      throw sharedError("USAGE", `--${name} has no effect without --proba_map`);
  return {
    refinement,
    suffix: suffixWord(words),
    requiresDicom: words.has("is_dicom"),
    savesInputs: words.has("save_nifti_inputs"),
    fractionalAsSegments,
    fractionalMetadataFile: words.get("fractional_metadata_path")?.[0] ?? null,
    emptyMetadataFile: words.get("empty_segment_metadata")?.[0] ?? null,
  };
}

/** Adds a fractional DICOM segmentation to the settings if the words ask for it. */
export function withProbaMap(settings: ImageSettings, words: ServeWords): ImageSettings {
  const { dicomSegmentations } = settings;
  const has = dicomSegmentations.some((kind) => kind.endsWith("fractional"));
  if (!words.has("proba_map") || has) return settings;
  return { ...settings, dicomSegmentations: [...dicomSegmentations, "fractional"] };
}
