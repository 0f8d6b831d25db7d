import { createHash } from "node:crypto";
import { posix } from "node:path";
import { Readable } from "node:stream";
import { builderError } from "../errors/builder-errors.js";
import { gunzipped } from "./gunzipped.js";
import type { ImageConfig, LayerBlob } from "./oci-types.js";
import { isDamagedTar, readTar } from "./read-tar.js";

/** An image as far as it is compared. */
export interface ComparedImage {
  /** Path or name, for messages. */
  readonly place: string;
  /** Names everything in the image: settings and layers. */
  readonly configDigest: string;
  readonly config: ImageConfig;
  readonly layers: readonly LayerBlob[];
}

export interface ImageComparison {
  /** Same configuration, bit for bit, and so the same files in every layer. */
  readonly isSame: boolean;
  /** True if Docker's own builder made the image, with times and settings that no rebuild can repeat. */
  readonly isByDocker: boolean;
  readonly layers: readonly LayerComparison[];
  /** Settings that differ, by name: `config.Labels.…`, `created`, …; layers are reported separately. */
  readonly settings: readonly SettingDifference[];
}

export interface LayerComparison {
  readonly name: string;
  /** Digests of the tar inside; null where one image has fewer layers. */
  readonly found: string | null;
  readonly expected: string | null;
  readonly isSame: boolean;
  /** The same tar, compressed again by somebody. */
  readonly isFramedAnew: boolean;
  /** Of a layer that is not the same. */
  readonly files: readonly FileDifference[];
}

export interface FileDifference {
  readonly path: string;
  readonly difference: "only in the image" | "only in the rebuild" | "other content";
}

export interface SettingDifference {
  readonly name: string;
  readonly found: string | null;
  readonly expected: string | null;
}

/** Layer by layer, what an image has that another has not. */
export async function compareImages(found: ComparedImage, expected: ComparedImage): Promise<ImageComparison> {
  const layers: LayerComparison[] = [];
  const count = Math.max(found.layers.length, expected.layers.length);
  for (let i = 0; i < count; i++) {
    const ours = found.layers[i] ?? null;
    const theirs = expected.layers[i] ?? null;
    const isSame = ours?.diffId === theirs?.diffId;
    layers.push({
      name: layerNames(expected.config)[i] ?? layerNames(found.config)[i] ?? `layer ${i + 1}`,
      found: ours?.diffId ?? null,
      expected: theirs?.diffId ?? null,
      isSame,
      isFramedAnew: isSame && ours?.descriptor.digest !== theirs?.descriptor.digest,
      files: isSame
        ? []
        : compareFiles(await filesOf(ours, found.place), await filesOf(theirs, expected.place)),
    });
  }
  return {
    isSame: found.configDigest === expected.configDigest,
    isByDocker: !(found.config.history ?? []).some(({ created_by = "" }) => created_by.startsWith(ownLayer)),
    layers,
    settings: compareSettings(found.config, expected.config),
  };
}

/** How this program's layers begin in an image's history. */
const ownLayer = "build_processor layer ";

/** What made each layer; settings have lines of their own in the history, without one. */
const layerNames = ({ history = [] }: ImageConfig): string[] =>
  history
    .filter(({ empty_layer }) => empty_layer !== true)
    .map(({ created_by = "" }) => created_by.replace(ownLayer, ""));

type FilesOfLayer = ReadonlyMap<string, string>;

function compareFiles(ours: FilesOfLayer, theirs: FilesOfLayer): FileDifference[] {
  const differences: FileDifference[] = [];
  for (const [path, content] of ours) {
    if (!theirs.has(path)) differences.push({ path, difference: "only in the image" });
    else if (theirs.get(path) !== content) differences.push({ path, difference: "other content" });
  }
  for (const path of theirs.keys())
    if (!ours.has(path)) differences.push({ path, difference: "only in the rebuild" });
  return differences.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** By path: kind, target and content; owner, mode and time are the header's. */
async function filesOf(layer: LayerBlob | null, place: string): Promise<FilesOfLayer> {
  const files = new Map<string, string>();
  if (layer === null) return files;
  try {
    for await (const { path, kind, linkTarget, bytes } of readTar(unframed(layer))) {
      const hash = createHash("sha256");
      for await (const chunk of bytes) hash.update(chunk);
      files.set(posix.normalize(path).replace(/(.)\/$/, "$1"), `${kind} ${linkTarget} ${hash.digest("hex")}`);
    }
  } catch (cause) {
    if (!isDamagedTar(cause)) throw cause;
    throw builderError("IMAGE_FILE_INVALID", `${place}: the layer ${layer.diffId}: ${cause.message}`, {
      cause,
    });
  }
  return files;
}

const unframed = (layer: LayerBlob): AsyncIterable<Buffer> => gunzipped(Readable.from(layer.open()));

function compareSettings(found: ImageConfig, expected: ImageConfig): SettingDifference[] {
  const [ours, theirs] = [settingsOf(found), settingsOf(expected)];
  return [...new Set([...ours.keys(), ...theirs.keys()])]
    .map((name) => ({ name, found: ours.get(name) ?? null, expected: theirs.get(name) ?? null }))
    .filter((setting) => setting.found !== setting.expected)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Every value of a configuration by its name; `rootfs` and `history` follow the layers. */
function settingsOf(config: ImageConfig): ReadonlyMap<string, string> {
  const { rootfs: _layers, history: _steps, config: container = {}, ...rest } = config;
  const { Labels, ...own } = container;
  const entries = [
    ...Object.entries(rest),
    ...Object.entries(own).map(([name, value]) => [`config.${name}`, value] as const),
    ...Object.entries(Labels ?? {}).map(([name, value]) => [`config.Labels.${name}`, value] as const),
  ];
  return new Map(entries.map(([name, value]) => [name, JSON.stringify(value)]));
}
