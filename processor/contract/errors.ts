/**
 * Every mistake that a user can make or meet, in one catalogue.
 *
 * A message says what was found and where; `help` says what to do. `exit` is the process's exit code:
 * 2 usage or config, 3 model, 4 input image, 5 the machine (engine, device, disk, network), 6 some cases failed,
 * 130 interrupted. An error outside the catalogue is a bug, exits with 1 and keeps its stack.
 */
export const errorCatalogue = {
  // usage and configuration
  USAGE: { exit: 2, help: "Run the command with --help to see its options." },
  CONFIG_NOT_FOUND: {
    exit: 2,
    help: "Write one with `build_processor init --model-dir …`. --config-file names one elsewhere.",
  },
  CONFIG_NOT_JSON: {
    exit: 2,
    help: "Correct the JSON at the place named; an editor with JSON support marks it.",
  },
  CONFIG_INVALID: { exit: 2, help: "docs/reference/config.md lists every key with its type and default." },
  TAG_INVALID: {
    exit: 2,
    help: "An image name is [registry/]name[:tag]: lower-case letters, digits and . _ - between them, tag up to 128 characters.",
  },
  OUTPUT_EXISTS: {
    exit: 2,
    help: "Move it or choose another place. --overwrite replaces it. --continue keeps finished cases and does the others.",
    imageHelp: "Give each run an output folder of its own.",
  },
  PRECISION_UNFIT: {
    exit: 2,
    help: "Use float32, or let the processor choose.",
  },
  EXPORT_MODE_UNFIT: { exit: 2, help: "Use the mode normal, which is nnU-Net's default." },
  HOOK_INVALID: {
    exit: 2,
    help: "docs/how-to/process-img.md shows such a module and the functions that it may export.",
  },
  HOOK_FAILED: { exit: 4, help: "The exception comes from your own hook module; correct it there." },

  // the trained model
  MODEL_NOT_FOUND: {
    exit: 3,
    help: "A model is the folder that holds plans.json, dataset.json and fold_0, fold_1, … Pass it with --model-dir.",
    imageHelp:
      "Pass --model-dir with a folder that `build_processor convert` wrote, or build the image again.",
  },
  MODEL_AMBIGUOUS: {
    exit: 3,
    help: "Pass the folder of one model. --configuration and --task choose one of several.",
  },
  CONFIGURATION_MISSING: {
    exit: 3,
    help: "Ask for a configuration that the model folder has. --configuration names it.",
  },
  MODEL_TASK_MISMATCH: { exit: 3, help: "Correct task_id or task_name, or pass the folder of that task." },
  MODEL_FILE_INVALID: {
    exit: 3,
    help: "Copy the file again from the machine that trained the model, or correct what the message names.",
  },
  ARCHIVE_INVALID: {
    exit: 3,
    help: "Download or copy the archive again; compare its size with the original.",
  },
  ARCHIVE_UNSAFE: {
    exit: 3,
    help: "Do not unpack this file with other programs either. Get the archive from whoever trained the model.",
  },
  PRETRAINED_UNKNOWN: { exit: 2, help: "`build_processor models` lists the pretrained models by name." },
  SOURCE_INVALID: {
    exit: 2,
    help: "A model is a folder, a .zip file, https://…/model.zip or zenodo:<record>/<file>.zip.",
  },
  SOURCE_NOT_FOUND: { exit: 3, help: "Correct the address, or open it in a browser to see what is there." },
  SOURCE_CHANGED: {
    exit: 3,
    help: "Find out why the bytes changed. If the change is wanted, remove the entry from processor.lock.json.",
  },
  LOCK_INVALID: { exit: 2, help: "Restore processor.lock.json from version control, or delete it." },
  FOLD_MISSING: {
    exit: 3,
    help: "Ask only for folds that the model has, or name a checkpoint that they have with `checkpoint_name` in config.json. On the command line: --checkpoint checkpoint_best.pth (v1: model_best).",
  },
  CHECKPOINT_TRUNCATED: { exit: 3, help: "Copy the checkpoint again; compare its size with the original." },
  CHECKPOINT_UNSAFE: {
    exit: 3,
    help: "Do not load this file with Python either. Get the checkpoint from whoever trained the model.",
  },
  CHECKPOINT_REFUSED: {
    exit: 3,
    help: "nnU-Net does not write such a file. Get the checkpoint again from whoever trained the model.",
  },
  CHECKPOINT_UNSUPPORTED: { exit: 3, help: "Save it again with torch.save, as nnU-Net's trainer does." },
  PLANS_UNSUPPORTED: {
    exit: 3,
    help: "Only nnU-Net's own rules are known. A network of your own goes as an ONNX file: --onnx FILE, or `onnx` in config.json.",
  },
  ARCHITECTURE_UNKNOWN: {
    exit: 3,
    help: "Known: PlainConvUNet, ResidualEncoderUNet, ResidualUNet; of v1 Generic_UNet, FabiansUNet. Of any other pass an ONNX file: --onnx FILE, or `onnx` in config.json.",
  },
  TENSOR_MISMATCH: {
    exit: 3,
    help: "Use plans and checkpoints of one training. If the trainer builds a network of its own, export it to ONNX and name the file with `onnx` in config.json. On the command line: --onnx.",
  },
  ONNX_NOT_FOUND: {
    exit: 3,
    help: "Name files that exist, one for each fold, with `onnx` in config.json. On the command line: --onnx.",
  },
  ONNX_MISMATCH: {
    exit: 3,
    help: "Export the network with torch.onnx.export: one float32 input batch×channels×patch, logits batch×classes×patch as first output.",
  },
  PREVIOUS_STAGE_UNKNOWN: {
    exit: 3,
    help: "Name the folder of the low-resolution model with `previous_stage` in config.json. On the command line: --prev-stage-model DIR.",
  },
  ENSEMBLE_MISMATCH: {
    exit: 3,
    help: "Average only models that were trained with the same channels and labels.",
  },
  TARGET_UNFIT: {
    exit: 3,
    help: "Train a model whose channels and labels the platform takes. --target plain builds an image without the platform's rules.",
  },
  MANIFEST_INVALID: {
    exit: 3,
    help: "Convert the model again with this version of build_processor.",
    imageHelp:
      "Build the image again: its model and its program must come from one version of build_processor.",
  },

  // the image to segment
  INPUT_NOT_FOUND: {
    exit: 4,
    help: "Pass a folder or files that exist and can be read. `-i` takes the images to segment.",
    imageHelp:
      'Mount the folder of images: `docker run -v "$PWD/in:/input:ro" …`. --inputdir names another place.',
  },
  INPUTS_JSON_INVALID: {
    exit: 4,
    help: "The platform writes inputs.json as a list of values, each with its socket's slug; compare it with a job's own.",
  },
  INPUT_AMBIGUOUS: { exit: 4, help: "Give every case its own name: <case>_0000<ending> for each channel." },
  INPUT_CHANNELS: {
    exit: 4,
    help: "Give one file for each channel that the model was trained with, _0000, _0001, …",
  },
  IMAGE_UNSUPPORTED: { exit: 4, help: "Convert it to .nii.gz, .mha or .nrrd." },
  IMAGE_TRUNCATED: {
    exit: 4,
    help: "Copy the file again; it ends before the data that its header announces.",
  },
  IMAGE_INVALID: { exit: 4, help: "Open it in an image viewer; the header or the data is damaged." },
  IMAGE_EMPTY: { exit: 4, help: "The image needs at least one voxel on every axis." },
  IMAGE_NOT_FINITE: { exit: 4, help: "Replace NaN and infinite voxels before segmentation." },
  GEOMETRY_MISMATCH: { exit: 4, help: "Resample the channels of one case onto one grid." },
  PREVIOUS_STAGE_MISSING: {
    exit: 4,
    help: "A cascade needs the model of its low-resolution stage, or that stage's segmentations. --prev-stage-model DIR names the model. --prev-stage-predictions DIR names the segmentations, <case><ending>.",
    imageHelp:
      "Build the image again with the model of the low-resolution stage (previous_stage in config.json).",
  },

  // the machine
  NODE_TOO_OLD: {
    exit: 5,
    help: "Install the current LTS from https://nodejs.org. On a cluster, `module avail node` may list it. Without administrator rights, unpack the archive from https://nodejs.org into your home folder and put its bin folder first in PATH.",
  },
  OUTPUT_UNWRITABLE: {
    exit: 5,
    help: "Choose a folder that this user may write to.",
    imageHelp:
      'Make the folder first (`mkdir -p out`) and run as its owner: `docker run --user "$(id -u):$(id -g)" …`.',
  },
  DOWNLOAD_FAILED: {
    exit: 5,
    help: "Run the command again: it continues where it stopped. Behind a proxy, set https_proxy. --zenodo-url names a mirror.",
  },
  DOWNLOAD_NOT_ARCHIVE: {
    exit: 5,
    help: "Open the address in a browser: a login page, a proxy's notice or a removed file answers there.",
  },
  DOWNLOAD_CORRUPT: {
    exit: 5,
    help: "Run the command again. If it stays, the server or a proxy on the way changes the bytes.",
  },
  DISK_FULL: { exit: 5, help: "Free some space, or write to another disk." },
  OUT_OF_MEMORY: { exit: 5, help: "Give the process more memory, or split the image." },
  DEVICE_MISSING: {
    exit: 5,
    help: "Use a host (and an image) with CUDA and an NVIDIA GPU. --device cpu needs neither.",
  },
  MACHINE_UNFIT: { exit: 5, help: "Each finding above has its remedy." },
  DEVICE_UNFIT: {
    exit: 5,
    help: "docs/reference/gpu.md says which driver and GPU each image needs. --device cpu needs none.",
  },
  INFERENCE_FAILED: { exit: 5, help: "Convert the model again; if it stays, report it with the message." },
  ENGINE_MISSING: {
    exit: 5,
    help: "Start Docker (`sudo systemctl start docker`) or set DOCKER_HOST. Without Docker, `build_processor --export`, `build_processor --push`, `build_processor --context-only`, `predict` and `convert` still work.",
  },
  ENGINE_FORBIDDEN: {
    exit: 5,
    help: "Add the user to the group docker (`sudo usermod -aG docker $USER`), then log in again.",
  },
  ENGINE_FAILED: { exit: 5, help: "The message is Docker's own." },
  ENGINE_DISK_FULL: {
    exit: 5,
    help: "Free some space for Docker: `docker system df`, `docker system prune`.",
  },
  PORT_TAKEN: { exit: 5, help: "Stop the other program. --port chooses another port." },
  IMAGE_BUILD_FAILED: {
    exit: 5,
    help: "The message is from Docker, apt or npm, as it says. --keep-build-files keeps the build context.",
  },
  BASE_IMAGE_MISSING: {
    exit: 5,
    help: "Build it with `build_processor base-image`. --base-image names another.",
  },
  BASE_IMAGE_CHANGED: {
    exit: 5,
    help: "Remove the entry from processor.lock.json to accept the new image. --base-image NAME@sha256:… builds on the locked one.",
  },
  PACKAGE_INDEX_UNKNOWN: {
    exit: 5,
    help: "Set PIP_INDEX_URL to the address of a Python package index, as for pip. --wheels DIR names a folder with the files instead.",
  },
  TOOL_MISSING: { exit: 5, help: "Install the program that the message names." },
  EXPORT_FAILED: {
    exit: 5,
    help: "The image is still in Docker: write it with `docker save`, or run the same build again.",
  },
  IMAGE_FILE_INVALID: {
    exit: 5,
    help: "Write the image again (`docker save`, or `build_processor --export`) and copy it completely.",
  },
  ARCHIVE_REFUSED: {
    exit: 5,
    help: "The platform would refuse the archive for the same reasons. Follow the remedy that the report names below each of them.",
  },
  SIMULATION_FAILED: {
    exit: 5,
    help: "It would fail on the platform too; the report says what to change for each check that fails.",
  },
  ANSWER_DIFFERS: {
    exit: 5,
    help: "The platform would accept the image, because it does not know the expected segmentations. The report says how far the image's differ from them, and why.",
  },
  IMAGE_DIFFERS: {
    exit: 5,
    help: "The report names what differs: other inputs, another version of build_processor, or an image that somebody changed.",
  },
  REGISTRY_DENIED: {
    exit: 5,
    help: "Run `docker login` for that registry with an account that may write there. --registry-username names an account instead.",
  },
  REGISTRY_FAILED: {
    exit: 5,
    help: "Check the registry's name and the network, then run the command again: a push sends only what is missing.",
  },
  SIGN_KEY_INVALID: {
    exit: 2,
    help: "Pass a P-256 key: `cosign generate-key-pair`, or `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`. COSIGN_PASSWORD opens an encrypted one.",
  },
  SOME_CASES_FAILED: {
    exit: 6,
    help: "The other cases are done; the lines above say what was wrong with these.",
  },
  INTERRUPTED: {
    exit: 130,
    help: "No half-written file remains. --continue does the remaining cases.",
  },
} as const satisfies Record<string, ErrorEntry>;

interface ErrorEntry {
  readonly exit: number;
  /** What to do. A command shows a sentence only if it has the flags in it, so at least one sentence names no flag. */
  readonly help: string;
  /** The remedy that the program in an image shows instead, because it has other flags and no config.json. */
  readonly imageHelp?: string;
}

export type ErrorCode = keyof typeof errorCatalogue;

/** A mistake of the catalogue: what was found and where; its remedy is `help`. */
export class ProcessorError extends Error {
  override readonly name = "ProcessorError";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  get help(): string {
    return errorCatalogue[this.code].help;
  }

  get exitCode(): number {
    return errorCatalogue[this.code].exit;
  }
}
