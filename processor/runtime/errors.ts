import { defineErrors, ProcessorError } from "../contract/errors.js";
import { sharedError } from "../contract/shared-errors.js";
import { dicomObjectError } from "../dicom-objects/errors.js";
import { dicomError } from "../imaging/dicom/errors.js";
import { imageError } from "../imaging/errors.js";

/**
 * The errors that only the processor reports, about cases, devices and the platform's job. The remedies are for the
 * user of an image.
 */
export const runtimeError = defineErrors({
  PRECISION_UNFIT: { exit: 2, http: 400, help: "Use float32, or let the processor choose." },
  INFERENCE_ENGINE_UNFIT: {
    exit: 5,
    http: 503,
    help: "Let the processor choose (auto), or use onnxruntime. --inference-engine onnxruntime needs nothing else.",
  },
  HOOK_FAILED: {
    exit: 4,
    http: 500,
    help: "The exception comes from your own hook module; correct it there.",
  },
  INPUTS_JSON_INVALID: {
    exit: 4,
    http: 422,
    help: "The platform writes inputs.json as a list of values, each with its socket's slug; compare it with a job's own.",
  },
  INPUT_AMBIGUOUS: {
    exit: 4,
    http: 422,
    help: "Give every case its own name: <case>_0000<ending> for each channel.",
  },
  PREVIOUS_STAGE_MISSING: {
    exit: 4,
    http: 422,
    help: "Build the image again with the model of the low-resolution stage (previous_stage in config.json).",
  },
  DEVICE_MISSING: {
    exit: 5,
    http: 503,
    help: "Use a host (and an image) with CUDA and an NVIDIA GPU. --device cpu needs neither.",
  },
  DEVICE_UNFIT: {
    exit: 5,
    http: 503,
    help: "Update the driver, or build the image for another version of CUDA, which supports other GPUs. --device cpu needs neither.",
  },
  INFERENCE_FAILED: {
    exit: 5,
    http: 500,
    help: "Convert the model again; if it stays, report it with the message.",
  },
  PORT_TAKEN: { exit: 5, http: 500, help: "Stop the other program. --port chooses another port." },
});

const catalogue = {
  ...sharedError.entries,
  ...imageError.entries,
  ...dicomError.entries,
  ...dicomObjectError.entries,
  ...runtimeError.entries,
};

/** All codes that the processor reports. */
export type RuntimeErrorCode = keyof typeof catalogue;

/** Returns the error for a code in a case's report. */
export const errorOfCode = (code: RuntimeErrorCode, message: string): ProcessorError =>
  new ProcessorError(code, catalogue[code], message);

export const isRuntimeErrorCode = (code: string): code is RuntimeErrorCode => Object.hasOwn(catalogue, code);
