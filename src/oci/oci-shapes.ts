import {
  anything,
  type Checked,
  count,
  either,
  flag,
  listOf,
  matching,
  oneOf,
  orAbsent,
  orNull,
  record,
  recordOf,
  text,
} from "../../processor/contract/json-check.js";
import { longestPath } from "../../processor/contract/longest-path.js";

// The documents of the OCI image specification, as far as they are read and written here.

const optionalText = orAbsent(text);
const optionalTexts = orAbsent(orNull(listOf(text)));
const digest = matching(/^[a-z0-9]+([+._-][a-z0-9]+)*:[0-9a-fA-F]{32,128}$/, "a digest (sha256:…)");

const platform = record({ os: text, architecture: text, variant: optionalText });

export type Platform = Checked<typeof platform>;

const descriptor = record({
  mediaType: text,
  /** `sha256:…` */
  digest,
  size: count,
  platform: orAbsent(platform),
  /** What an artifact is; in indexes of referrers. */
  artifactType: optionalText,
  annotations: orAbsent(recordOf(text)),
});

export type Descriptor = Checked<typeof descriptor>;

/** A manifest of one image or artifact. */
export const manifestShape = record({
  schemaVersion: orAbsent(oneOf([2])),
  mediaType: optionalText,
  /** For a manifest that is not an image. */
  artifactType: optionalText,
  config: descriptor,
  layers: listOf(descriptor),
  /** The manifest that an artifact belongs to. */
  subject: orAbsent(descriptor),
  annotations: orAbsent(recordOf(text)),
});

export type ImageManifest = Checked<typeof manifestShape>;

export const indexShape = record({
  schemaVersion: orAbsent(oneOf([2])),
  mediaType: optionalText,
  manifests: listOf(descriptor),
});

export type ImageIndex = Checked<typeof indexShape>;

/** The document that a registry returns for a tag. */
export const manifestOrIndexShape = either(indexShape, manifestShape);

const containerConfig = record({
  User: optionalText,
  Env: optionalTexts,
  Entrypoint: optionalTexts,
  Cmd: optionalTexts,
  WorkingDir: optionalText,
  Healthcheck: orAbsent(anything),
  Labels: orAbsent(orNull(recordOf(text))),
});

export type ContainerConfig = Checked<typeof containerConfig>;

const historyEntry = record({
  created: orAbsent(orNull(text)),
  created_by: optionalText,
  comment: optionalText,
  empty_layer: orAbsent(flag),
});

/** The fields of an image's configuration that are used here. */
export const configShape = record({
  created: orAbsent(orNull(text)),
  architecture: text,
  os: text,
  config: orAbsent(orNull(containerConfig)),
  rootfs: record({ type: optionalText, diff_ids: listOf(digest) }),
  history: orAbsent(orNull(listOf(historyEntry))),
});

export type ImageConfig = Checked<typeof configShape>;

const path = matching(new RegExp(`^[^]{0,${longestPath}}$`), `a path of up to ${longestPath} characters`);

/** What `manifest.json` of a docker archive says about one image. */
const archiveManifestEntry = record({ Config: path, RepoTags: optionalTexts, Layers: listOf(path) });

export type ArchiveManifestEntry = Checked<typeof archiveManifestEntry>;

export const archiveManifestShape = listOf(archiveManifestEntry);
