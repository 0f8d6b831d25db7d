import type { ErrorEntry, ProcessorError } from "../../../processor/contract/errors.js";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { dicomObjectError } from "../../../processor/dicom-objects/errors.js";
import { dicomError } from "../../../processor/imaging/dicom/errors.js";
import { imageError } from "../../../processor/imaging/errors.js";
import { batchError } from "../../../processor/runtime/batch/errors.js";
import { runtimeError } from "../../../processor/runtime/errors.js";
import { exchangeError } from "../../../processor/runtime/service/dicom/errors.js";
import { serviceError } from "../../../processor/runtime/service/errors.js";
import { builderError } from "./builder-errors.js";
import { nnunetError } from "./nnunet-errors.js";

/** Every error that either program reports, with the remedy for the user of an image. */
export const errorCatalogue = {
  ...sharedError.entries,
  ...imageError.entries,
  ...dicomError.entries,
  ...dicomObjectError.entries,
  ...runtimeError.entries,
  ...serviceError.entries,
  ...exchangeError.entries,
  ...batchError.entries,
  ...builderError.entries,
  ...nnunetError.entries,
};

export type ErrorCode = keyof typeof errorCatalogue;

/** Remedies for users of `build_processor`, which has other flags than an image and a config.json. */
const remedies: Partial<Record<string, string>> = {
  CONFIG_INVALID: "docs/reference/config.md lists every key with its type and default.",
  HOOK_INVALID: "docs/how-to/process-img.md shows such a module and the functions that it may export.",
  NVIDIA_FACTS_MISSING:
    "Write what the message names into config.json under `nvidia`; docs/how-to/nvidia-nnunet.md describes each key. For a run without one, --nvidia names a JSON file with the same keys.",
  BUNDLE_UNSUPPORTED:
    "Remove the part from the bundle's configuration if the answer does not need it, or replace it with one that is built in; docs/how-to/monai-bundles.md lists them. For any other network, pass an ONNX file: --onnx FILE, or `onnx` in config.json.",
  SPEC_INVALID: "Write or correct the file that names the models; docs/tutorials/service.md shows one.",
  DICOM_RULES_INVALID:
    "Correct dicom_rules in the file of models; docs/how-to/service-dicom.md describes each key.",
  DEVICE_UNFIT: "docs/reference/gpu.md says which driver and GPU each image needs. --device cpu needs none.",
  OUTPUT_EXISTS:
    "Move it or choose another path. --overwrite replaces it. --continue keeps finished cases and processes the others.",
  MODEL_NOT_FOUND:
    "A model is the folder that contains plans.json, dataset.json and fold_0, fold_1, … Pass it with --model-dir.",
  FOLD_MISSING:
    "Choose folds that the model has. --folds names them. If their checkpoint has another name, pass that: --checkpoint NAME, or `checkpoint_name` in config.json.",
  PLANS_UNSUPPORTED:
    "Only nnU-Net's own rules are supported. Pass your own network as an ONNX file: --onnx FILE, or `onnx` in config.json.",
  TARGET_UNFIT:
    "Train a model whose channels and labels the platform accepts. --target plain builds an image without the platform's rules.",
  MANIFEST_INVALID: "Convert the model again with this version of build_processor.",
  INPUT_NOT_FOUND:
    "Check the spelling, the folder that the path starts from, and that your account may read it. With --model-dir, `-i` takes images and DICOM series, or folders with them.",
  PREVIOUS_STAGE_MISSING:
    "A cascade needs the model of its low-resolution stage, or that stage's segmentations. --prev-stage-model DIR names the model. --prev-stage-predictions DIR names the segmentations, <case><ending>.",
  OUTPUT_UNWRITABLE: "Choose a folder that this user may write to.",
  INTERRUPTED: "No half-written file remains. --continue processes the remaining cases.",
} satisfies Partial<Record<ErrorCode, string>>;

/** Returns the remedy for a user of `build_processor`. */
export const builderRemedy = ({ code, help }: Pick<ProcessorError, "code" | "help">): string =>
  remedies[code] ?? help;

/** The catalogue with the remedies of `build_processor`. */
export const builderCatalogue: readonly (readonly [
  code: ErrorCode,
  entry: ErrorEntry & { imageHelp?: string },
])[] = (Object.entries(errorCatalogue) as [ErrorCode, ErrorEntry][]).map(([code, entry]) => {
  const help = builderRemedy({ code, help: entry.help });
  return [code, help === entry.help ? entry : { ...entry, help, imageHelp: entry.help }];
});
