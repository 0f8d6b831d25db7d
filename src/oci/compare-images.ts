import { createHash } from "node:crypto";
import { posix } from "node:path";
import { Readable } from "node:stream";
import { isDamagedTar, readTar } from "../../processor/files/tar/read-tar.js";
import { builderError } from "../ground/errors/builder-errors.js";
import { gunzipped } from "./gunzipped.js";
import type { ImageConfig } from "./oci-shapes.js";
import type { LayerBlob } from "./oci-types.js";

/** The parts of an image that are compared. */
export interface ComparedImage {
  /** Path or name, for messages. */
  readonly place: string;
  /** Identifies everything in the image: its settings and layers. */
  readonly configDigest: string;
  readonly config: ImageConfig;
  readonly layers: readonly LayerBlob[];
}

export interface ImageComparison {
  /** True if the configurations are identical, and therefore the files in every layer. */
  readonly isSame: boolean;
  /** True if Docker's own builder made the image, with times and settings that no rebuild can reproduce. */
  readonly isByDocker: boolean;
  readonly layers: readonly LayerComparison[];
  /**
   * The settings that differ, with names such as `config.Labels.…` or `created`. Layers are reported
   * separately.
   */
  readonly settings: readonly SettingDifference[];
}

export interface LayerComparison {
  readonly name: string;
  /** Digest of the tar inside; null if this image has fewer layers. */
  readonly found: string | null;
  readonly expected: string | null;
  readonly isSame: boolean;
  /** True if the tar is the same but was compressed differently. */
  readonly isFramedAnew: boolean;
  /** The differing files, if the layers differ. */
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

/** Compares two images setting by setting and layer by layer. */
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

/** Prefix of this program's layers in an image's history. */
const ownLayer = "build_processor layer ";

/**
 * Returns the names of what made each layer. Settings have separate entries in the history, without a layer.
 */
const layerNames = ({ history }: ImageConfig): string[] =>
  (history ?? [])
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

/**
 * Returns kind, target and content by path. Owner, mode and time belong to the header and are not compared.
 */
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

/**
 * Returns every value of a configuration by name, except `rootfs` and `history`, which depend on the layers.
 */
function settingsOf(config: ImageConfig): ReadonlyMap<string, string> {
  const { rootfs: _layers, history: _steps, config: container, ...rest } = config;
  const { Labels, ...own } = container ?? {};
  const entries = [
    ...Object.entries(rest),
    ...Object.entries(own).map(([name, value]) => [`config.${name}`, value] as const),
    ...Object.entries(Labels ?? {}).map(([name, value]) => [`config.Labels.${name}`, value] as const),
  ];
  return new Map(entries.map(([name, value]) => [name, JSON.stringify(value)]));
}
