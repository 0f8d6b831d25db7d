import { createHash } from "node:crypto";
import { builderError } from "../errors/builder-errors.js";
import type { TarEntry } from "../oci/read-tar.js";
import { wholeTar } from "./whole-tar.js";

/** What a bill of materials needs of one layer: plain data, so that it is remembered by the layer's digest. */
export interface LayerContents {
  /** Files that say what is installed, in full. */
  readonly texts: Readonly<Record<string, string>>;
  /** Files that are listed themselves: the model's, Node, ONNX Runtime. */
  readonly files: Readonly<Record<string, ListedFile>>;
  /** Paths that earlier layers have and the image has not. */
  readonly removed: readonly string[];
  /** Folders of which nothing in earlier layers is seen. */
  readonly emptied: readonly string[];
}

export interface ListedFile {
  readonly sizeBytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
  /** Hexadecimal; SPDX 2.3 asks for it. */
  readonly sha1: string;
}

/** Changes when more of a layer is looked at. */
export const layerContentsFormat = "layer contents 2";

const maxTextBytes = 8 << 20;
/** Of one layer's texts together; a base with a hundred thousand packages stays below it. */
const maxTextsBytes = 128 << 20;

const toldInFull = [
  /^var\/lib\/dpkg\/status$/,
  /^var\/lib\/dpkg\/status\.d\/[^/]+$/,
  /^(etc|usr\/lib)\/os-release$/,
  /(^|\/)node_modules\/(@[^/]+\/)?[^/@.][^/]*\/package\.json$/,
  /(^|\/)[^/]+\.dist-info\/METADATA$/,
  /^opt\/nnunet-processor\/package\.json$/,
];

const listed = [
  /^opt\/nnunet-processor\/model\/./,
  /^usr\/local\/bin\/node$/,
  /(^|\/)libonnxruntime(_providers_[a-z_]+)?\.so(\.[\d.]+)?$/,
];

/**
 * Reads a layer's tar once, holding only the texts that name packages.
 *
 * @throws IMAGE_FILE_INVALID when such a text is longer than 8 MiB, or all are longer than 128 MiB; TarError
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

/** What is seen in an image: later layers hide what earlier ones have at the same place. */
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
