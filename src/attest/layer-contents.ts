import { createHash } from "node:crypto";
import {
  type Checked,
  count,
  listOf,
  record,
  recordOf,
  sha256Hex,
  text,
} from "../../processor/contract/json-check.js";
import type { TarEntry } from "../../processor/files/tar/read-tar.js";
import { builderError } from "../ground/errors/builder-errors.js";
import { wholeTar } from "./whole-tar.js";

const listedFile = record({
  sizeBytes: count,
  /** Hexadecimal. */
  sha256: sha256Hex,
  /** Hexadecimal. SPDX 2.3 requires it. */
  sha1: text,
});

export type ListedFile = Checked<typeof listedFile>;

/**
 * The facts about one layer for a bill of materials. They are plain data and are cached by the layer's
 * digest.
 */
export const layerContents = record({
  /** Full texts of the files that record installed packages. */
  texts: recordOf(text),
  /** Files that the bill lists individually: those of the model, Node, ONNX Runtime. */
  files: recordOf(listedFile),
  /** Paths in earlier layers that this layer removes from the image. */
  removed: listOf(text),
  /** Folders whose contents in earlier layers are hidden. */
  emptied: listOf(text),
});

export type LayerContents = Checked<typeof layerContents>;

/** Must be raised when more facts of a layer are read. */
export const layerContentsFormat = "layer contents 4";

const maxTextBytes = 8 << 20;
/** Maximum total size of one layer's texts. A base with a hundred thousand packages stays below it. */
const maxTextsBytes = 128 << 20;

const toldInFull = [
  /^var\/lib\/dpkg\/status$/,
  /^var\/lib\/dpkg\/status\.d\/[^/]+$/,
  /^(etc|usr\/lib)\/os-release$/,
  /(^|\/)node_modules\/(@[^/]+\/)?[^/@.][^/]*\/package\.json$/,
  /(^|\/)[^/]+\.dist-info\/METADATA$/,
  /^usr\/share\/nnunet-processor\/bundled\/[^/]+\.json$/,
  /^opt\/nnunet-processor\/package\.json$/,
  /^opt\/nnunet-processor\/viewer\/page\/packages\.json$/,
];

const listed = [
  /^opt\/nnunet-processor\/model\/./,
  /^usr\/local\/bin\/node$/,
  /(^|\/)libonnxruntime(_providers_[a-z_]+)?\.so(\.[\d.]+)?$/,
  /^opt\/nnunet-processor\/openvino\/lib[^/]+\.so(\.[\d.]+)?$/,
];

/**
 * Reads a layer's tar once. Only the texts that name packages are held in memory.
 *
 * @throws IMAGE_FILE_INVALID if one such text is longer than 8 MiB, or all together are longer than 128 MiB;
 * TarError
 */
export async function readLayerContents(tar: AsyncIterable<Uint8Array>): Promise<LayerContents> {
  const texts: Record<string, string> = {};
  const files: Record<string, ListedFile> = {};
  const removed: string[] = [];
  const emptied: string[] = [];
  let textBytes = 0;
  for await (const entry of wholeTar(tar)) {
    const path = entry.path.replace(/^\.?\//, "");
    const [, folder = "", name = ""] = /^(.*\/)?([^/]*)$/.exec(path) ?? [];
    if (name === ".wh..wh..opq") emptied.push(folder);
    else if (name.startsWith(".wh.")) removed.push(folder + name.slice(".wh.".length));
    else if (entry.kind !== "file") continue;
    else if (toldInFull.some((pattern) => pattern.test(path))) {
      textBytes += entry.sizeBytes;
      texts[path] = await textOf(entry, textBytes);
    } else if (listed.some((pattern) => pattern.test(path))) files[path] = await digestsOf(entry);
  }
  return { texts, files, removed, emptied };
}

/**
 * Returns the files that are visible in an image: later layers hide files of earlier layers at the same path.
 */
export function mergeLayers(layers: readonly LayerContents[]): Pick<LayerContents, "texts" | "files"> {
  const texts = new Map<string, string>();
  const files = new Map<string, ListedFile>();
  for (const layer of layers) {
    for (const seen of [texts, files]) {
      for (const path of seen.keys()) if (isHidden(path, layer)) seen.delete(path);
    }
    for (const [path, text] of Object.entries(layer.texts)) texts.set(path, text);
    for (const [path, file] of Object.entries(layer.files)) files.set(path, file);
  }
  return { texts: Object.fromEntries(texts), files: Object.fromEntries(files) };
}

const isHidden = (path: string, { removed, emptied }: LayerContents): boolean =>
  emptied.some((folder) => path.startsWith(folder)) ||
  removed.some((gone) => path === gone || path.startsWith(`${gone}/`));

async function textOf({ path, sizeBytes, bytes }: TarEntry, textBytes: number): Promise<string> {
  if (sizeBytes > maxTextBytes)
    throw builderError("IMAGE_FILE_INVALID", `${path} in the image is longer than 8 MiB`);
  if (textBytes > maxTextsBytes)
    throw builderError("IMAGE_FILE_INVALID", "a layer's package lists are longer than 128 MiB together");
  const parts: Uint8Array[] = [];
  for await (const part of bytes) parts.push(part);
  return Buffer.concat(parts).toString("utf8");
}

async function digestsOf({ sizeBytes, bytes }: TarEntry): Promise<ListedFile> {
  const sha256 = createHash("sha256");
  const sha1 = createHash("sha1");
  for await (const part of bytes) {
    sha256.update(part);
    sha1.update(part);
  }
  return { sizeBytes, sha256: sha256.digest("hex"), sha1: sha1.digest("hex") };
}
