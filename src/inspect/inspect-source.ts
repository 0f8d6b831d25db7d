import { stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { didYouMean } from "../../processor/files/nearest-path.js";
import { openRegularFile, unreadable } from "../../processor/files/read-text-file.js";
import { ZipArchive } from "../../processor/files/zip/zip-archive.js";
import type { NvidiaOptions } from "../checkpoint/nvidia/nvidia-options.js";
import { isOfNvidia } from "../checkpoint/nvidia/read-lightning.js";
import { readTorchFile } from "../checkpoint/torch/read-torch-file.js";
import { isConverted } from "../convert/converted-folder.js";
import { isWithoutEngine } from "../docker/engine-error.js";
import { namingArchives } from "../ground/archive/archive-tree.js";
import { builderError } from "../ground/errors/builder-errors.js";
import { FolderSource } from "../model-source/folder-source.js";
import type { ModelSource } from "../model-source/model-source.js";
import { openModelSource, type SourceContext } from "../model-source/open-model-source.js";
import { ZipSource } from "../model-source/zip-source.js";
import { findModelFolders } from "../models/find-model-folders.js";
import { unpackedBundle } from "../models/model-folder.js";
import { anyModel } from "../models/model-query.js";
import { isTaskAddress } from "../models/totalsegmentator-models.js";
import type { WorkContext } from "../models/work-context.js";
import { inspectCheckpoint } from "./inspect-checkpoint.js";
import { inspectConverted } from "./inspect-converted.js";
import { inspectEngineImage, inspectImageArchive } from "./inspect-image.js";
import { inspectModels } from "./inspect-models.js";
import { inspectOnnx } from "./inspect-onnx.js";
import { inspectBundle, inspectNvidia } from "./inspect-other-formats.js";
import { inspectTask } from "./inspect-task.js";
import type { Inspection } from "./inspection.js";

export interface InspectOptions extends WorkContext {
  /** Called only for an archive, because a folder needs neither cache nor network. */
  readonly openContext: () => Promise<SourceContext>;
  /** What is said about a model of NVIDIA's nnU-Net; null for nothing. */
  readonly nvidia: NvidiaOptions | null;
}

/**
 * Describes a model folder, results tree, archive, address, checkpoint, ONNX file, converted folder, image or
 * image archive.
 *
 * @throws SOURCE_INVALID for a file of another kind; MODEL_NOT_FOUND if nothing has that name; the errors of
 * reading the source
 */
export async function inspectSource(address: string, options: InspectOptions): Promise<Inspection> {
  if (isTaskAddress(address)) return inspectTask(address, options);
  if (/^(?:https?|zenodo):/i.test(address))
    return inspectArchive((context) => openModelSource(address, context), options);
  const path = resolve(options.currentDirectory, address);
  const found = await stat(path).catch(() => null);
  if (found === null) return inspectImageNamed(address, options);
  if (!found.isDirectory()) return inspectFile(address, path, options);
  if (await isConverted(path)) return inspectConverted(address, path);
  const ofNvidia = await inspectNvidia(address, path, options.nvidia);
  if (ofNvidia !== null) return ofNvidia;
  const bundle = await inspectBundle(address, { modelDir: path, tree: null });
  if (bundle !== null) return bundle;
  await findModelFolders(path); // reports a wrong folder before a large tree is listed
  return { ...(await inspectModels(await FolderSource.open(path), { folder: path })), source: address };
}

async function inspectArchive(
  openSource: (context: SourceContext) => Promise<ModelSource>,
  { openContext }: InspectOptions,
): Promise<Inspection> {
  const context = await openContext();
  const source = await openSource(context);
  try {
    const unpacked = await unpackedBundle(source, anyModel, context);
    const bundle =
      unpacked && (await namingArchives([unpacked.tree], () => inspectBundle(source.address, unpacked)));
    return bundle ?? (await inspectModels(source, { context }));
  } finally {
    await source.close();
  }
}

/**
 * Describes an image: an argument that is not a path may be an image's name, such as `team/liver:1` or
 * `sha256:…`.
 */
async function inspectImageNamed(
  name: string,
  { environment, currentDirectory, signal }: InspectOptions,
): Promise<Inspection> {
  const path = resolve(currentDirectory, name);
  const missing = `${path} does not exist`;
  if (!imageName.test(name)) throw sharedError("MODEL_NOT_FOUND", `${missing}${await didYouMean(path)}`);
  let withoutEngine = "";
  const image = await inspectEngineImage(name, environment, signal).catch((error: unknown) => {
    if (!isWithoutEngine(error)) throw error;
    withoutEngine = ` (${error.message})`;
    return null;
  });
  if (image !== null) return image;
  const near = await didYouMean(path);
  throw sharedError(
    "MODEL_NOT_FOUND",
    // A name of an image need not be a path of which a part exists.
    `${missing}, and no image ${name} was found${withoutEngine}${near.startsWith("; did you mean") ? near : ""}`,
  );
}

const imageName = /^[a-z0-9][a-z0-9._/-]*(?::\d+\/[a-z0-9._/-]+)?(?::[\w.-]+)?(?:@sha256:[0-9a-f]{64})?$/;

async function inspectFile(address: string, path: string, options: InspectOptions): Promise<Inspection> {
  const kind = await kindOf(path);
  if (kind === "zip") {
    if (await isTorchZip(path)) return inspectTorchZip(address, path, options);
    return {
      ...(await inspectArchive(({ store }) => ZipSource.open(path, store), options)),
      source: address,
    };
  }
  if (kind === "pickle") return inspectCheckpoint(address, path);
  if (kind === "image") return inspectImageArchive(address, path);
  if (kind === "onnx") return inspectOnnx(address, path);
  const isPart = /^(?:plans|dataset|dataset_fingerprint|postprocessing)\.json$/.test(basename(path));
  throw builderError(
    "SOURCE_INVALID",
    isPart
      ? `${path} is one file of a model: pass its folder`
      : `${path} is not a model: it is neither a zip, a checkpoint, an ONNX file nor an image`,
  );
}

/** Describes a checkpoint of NVIDIA's nnU-Net as a model, because its files say nearly everything, and others as they are. */
async function inspectTorchZip(
  address: string,
  path: string,
  { nvidia }: InspectOptions,
): Promise<Inspection> {
  const isLightning = path.endsWith(".ckpt") && isOfNvidia(await readTorchFile(path));
  const model = isLightning ? await inspectNvidia(address, path, nvidia) : null;
  return model ?? inspectCheckpoint(address, path);
}

type FileKind = "zip" | "pickle" | "image" | "onnx" | "other";

/** Detects the kind from the first bytes, because names are not reliable. */
async function kindOf(path: string): Promise<FileKind> {
  const handle = await openRegularFile(path).catch((cause: unknown) => {
    throw builderError("SOURCE_INVALID", `${path}: ${unreadable(cause)}`, { cause });
  });
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(512), 0, 512, 0);
    const head = buffer.subarray(0, bytesRead);
    const starts = (...bytes: readonly number[]) => bytes.every((byte, i) => head[i] === byte);
    if (starts(0x50, 0x4b, 3, 4) || starts(0x50, 0x4b, 5, 6)) return "zip";
    if (starts(0x80)) return "pickle";
    if (starts(0x1f, 0x8b) || head.toString("latin1", 257, 262) === "ustar") return "image";
    return starts(0x08) ? "onnx" : "other"; // the first field of an ONNX file is its version number
  } finally {
    await handle.close();
  }
}

async function isTorchZip(path: string): Promise<boolean> {
  const archive = await ZipArchive.open(path);
  try {
    return archive.entries.some((entry) => /^[^/]+\/data\.pkl$/.test(entry.path));
  } finally {
    await archive.close();
  }
}
