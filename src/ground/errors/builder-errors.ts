import { defineErrors } from "../../../processor/contract/errors.js";

/**
 * The errors that only `build_processor` reports: config.json, trained models, downloads, Docker, registries.
 * Images do not contain them.
 */
export const builderError = defineErrors({
  CONFIG_NOT_FOUND: {
    exit: 2,
    http: 404,
    help: "Write one with `build_processor init --model-dir …`. --config-file names one elsewhere.",
  },
  CONFIG_NOT_JSON: {
    exit: 2,
    http: 400,
    help: "Correct the JSON at the position that the message names. An editor with JSON support marks the error.",
  },
  TAG_INVALID: {
    exit: 2,
    http: 400,
    help: "An image name is [registry/]name[:tag]: lower-case letters, digits and . _ - between them, tag up to 128 characters.",
  },
  MODEL_AMBIGUOUS: {
    exit: 3,
    http: 500,
    help: "Pass the folder of one model. --configuration and --task choose one of several.",
  },
  CONFIGURATION_MISSING: {
    exit: 3,
    http: 404,
    help: "Choose a configuration that the model folder has. --configuration names it.",
  },
  MODEL_TASK_MISMATCH: {
    exit: 3,
    http: 500,
    help: "Correct task_id or task_name, or pass the folder of that task.",
  },
  MODEL_FILE_INVALID: {
    exit: 3,
    http: 500,
    help: "Copy the file again from the machine that trained the model, or correct what the message names.",
  },
  PRETRAINED_UNKNOWN: {
    exit: 2,
    http: 404,
    help: "`build_processor models` lists the pretrained models by name.",
  },
  TOTALSEG_WEIGHTS: {
    exit: 3,
    http: 500,
    help: "Delete the folder that the message names, so that the weights are fetched again. TOTALSEG_WEIGHTS_PATH names another folder with weights.",
  },
  TOTALSEG_LICENCE: {
    exit: 3,
    http: 500,
    help: "A number for non-commercial use is free: https://backend.totalsegmentator.com/license-academic/. Set it in TOTALSEG_LICENSE, or give TOTALSEG_WEIGHTS_PATH a folder that has the weights.",
  },
  SOURCE_INVALID: {
    exit: 2,
    http: 400,
    help: "A model is a folder, a .zip file, https://…/model.zip or zenodo:<record>/<file>.zip.",
  },
  SOURCE_NOT_FOUND: {
    exit: 3,
    http: 404,
    help: "Correct the address, or open it in a browser to see what is there.",
  },
  SOURCE_CHANGED: {
    exit: 3,
    http: 500,
    help: "Find out why the bytes changed. If the change is wanted, remove the entry from processor.lock.json.",
  },
  LOCK_INVALID: {
    exit: 2,
    http: 400,
    help: "Restore processor.lock.json from version control, or delete it.",
  },
  CHECKPOINT_TRUNCATED: {
    exit: 3,
    http: 500,
    help: "Copy the checkpoint again; compare its size with the original.",
  },
  CHECKPOINT_UNSAFE: {
    exit: 3,
    http: 500,
    help: "Do not load this file with Python either. Get the checkpoint from the person who trained the model.",
  },
  CHECKPOINT_REFUSED: {
    exit: 3,
    http: 500,
    help: "nnU-Net does not write such a file. Get the checkpoint again from the person who trained the model.",
  },
  CHECKPOINT_UNSUPPORTED: {
    exit: 3,
    http: 500,
    help: "Save it again with torch.save, as nnU-Net's trainer does.",
  },
  ARCHITECTURE_UNKNOWN: {
    exit: 3,
    http: 500,
    help: "Supported: PlainConvUNet, ResidualEncoderUNet, ResidualUNet and Primus of v2, Generic_UNet and FabiansUNet of v1, and the U-Nets of NVIDIA's nnU-Net. For any other network, pass an ONNX file: --onnx FILE, or `onnx` in config.json.",
  },
  NVIDIA_FACTS_MISSING: {
    exit: 2,
    http: 400,
    help: "Write what the message names into config.json under `nvidia`. For a run without one, --nvidia names a JSON file with the same keys.",
  },
  BUNDLE_UNSUPPORTED: {
    exit: 3,
    http: 500,
    help: "Remove the part from the bundle's configuration if the answer does not need it, or replace it with one that is built in. For any other network, pass an ONNX file.",
  },
  TENSOR_MISMATCH: {
    exit: 3,
    http: 500,
    help: "Use plans and checkpoints of one training. If the trainer builds its own network, export it to ONNX and name the file with `onnx` in config.json. On the command line: --onnx.",
  },
  ONNX_NOT_FOUND: {
    exit: 3,
    http: 404,
    help: "Name files that exist, one for each fold, with `onnx` in config.json. On the command line: --onnx.",
  },
  ONNX_MISMATCH: {
    exit: 3,
    http: 500,
    help: "Export the network with torch.onnx.export: one float32 input batch×channels×patch, logits batch×classes×patch as first output.",
  },
  PREVIOUS_STAGE_UNKNOWN: {
    exit: 3,
    http: 500,
    help: "Name the folder of the low-resolution model with `previous_stage` in config.json. On the command line: --prev-stage-model DIR.",
  },
  ENSEMBLE_MISMATCH: {
    exit: 3,
    http: 500,
    help: "Average only models that were trained with the same channels and labels.",
  },
  DOWNLOAD_FAILED: {
    exit: 5,
    http: 502,
    help: "Run the command again: it continues where it stopped. Behind a proxy, set https_proxy. Without a network, download the model's archive on another machine and give its path instead of the address. --zenodo-url names a mirror of Zenodo.",
  },
  DOWNLOAD_NOT_ARCHIVE: {
    exit: 5,
    http: 502,
    help: "Open the address in a browser. It may show a login page, a proxy's notice or a message about a removed file.",
  },
  DOWNLOAD_CORRUPT: {
    exit: 5,
    http: 502,
    help: "Run the command again. If the error persists, the server or a proxy changes the bytes.",
  },
  MACHINE_UNFIT: { exit: 5, http: 503, help: "The report above gives a remedy for each finding." },
  ENGINE_MISSING: {
    exit: 5,
    http: 503,
    help: "Start Docker (`sudo systemctl start docker`) or set DOCKER_HOST. Without Docker, `build_processor --export`, `build_processor --push`, `build_processor --context-only`, `predict` and `convert` still work.",
  },
  ENGINE_FORBIDDEN: {
    exit: 5,
    http: 503,
    help: "Add the user to the group docker (`sudo usermod -aG docker $USER`), then log in again.",
  },
  ENGINE_FAILED: { exit: 5, http: 503, help: "The message is Docker's own." },
  ENGINE_DISK_FULL: {
    exit: 5,
    http: 503,
    help: "Free some space for Docker: `docker system df`, `docker system prune`.",
  },
  IMAGE_BUILD_FAILED: {
    exit: 5,
    http: 503,
    help: "The message names its source: Docker, apt or npm. --keep-build-files keeps the build context.",
  },
  BASE_IMAGE_MISSING: {
    exit: 5,
    http: 503,
    help: "Build it with `build_processor base-image`. --base-image names a different one.",
  },
  BASE_IMAGE_CHANGED: {
    exit: 5,
    http: 503,
    help: "Remove the entry from processor.lock.json to accept the new image. --base-image NAME@sha256:… uses the locked image.",
  },
  PACKAGE_INDEX_UNKNOWN: {
    exit: 5,
    http: 503,
    help: "Set PIP_INDEX_URL to the address of a Python package index, as for pip. --wheels DIR names a folder with the files instead.",
  },
  TOOL_MISSING: { exit: 5, http: 503, help: "Install the program that the message names." },
  EXPORT_FAILED: {
    exit: 5,
    http: 503,
    help: "The image is still in Docker: write it with `docker save`, or run the same build again.",
  },
  IMAGE_FILE_INVALID: {
    exit: 5,
    http: 503,
    help: "Write the image again (`docker save`, or `build_processor --export`) and copy it completely.",
  },
  ARCHIVE_REFUSED: {
    exit: 5,
    http: 503,
    help: "The platform would refuse the archive for the same reasons. Follow the remedies in the report.",
  },
  SIMULATION_FAILED: {
    exit: 5,
    http: 503,
    help: "The image would fail on the platform too. The report gives a remedy for each failed check.",
  },
  ANSWER_DIFFERS: {
    exit: 5,
    http: 503,
    help: "The platform would accept the image, because it does not know the expected segmentations. The report states how much the image's segmentations differ from them, and why.",
  },
  IMAGE_DIFFERS: {
    exit: 5,
    http: 503,
    help: "The report names what differs: other inputs, another version of build_processor, or an image that somebody changed.",
  },
  REGISTRY_DENIED: {
    exit: 5,
    http: 502,
    help: "Run `docker login` for that registry with an account that may write there. --registry-username names an account instead.",
  },
  REGISTRY_FAILED: {
    exit: 5,
    http: 502,
    help: "Check the registry's name and the network, then run the command again: a push sends only what is missing.",
  },
  SIGN_KEY_INVALID: {
    exit: 2,
    http: 400,
    help: "Pass a P-256 key: `cosign generate-key-pair`, or `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`. COSIGN_PASSWORD opens an encrypted one.",
  },
});

export type BuilderErrorCode = keyof typeof builderError.entries;
