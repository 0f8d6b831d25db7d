import {
  count,
  either,
  flag,
  listOf,
  matching,
  orAbsent,
  orNull,
  record,
  recordOf,
  text,
} from "../../processor/contract/json-check.js";
import { longestPath } from "../../processor/contract/longest-path.js";
import { shapeOf } from "../untrusted/checked-json.js";
import type { ImageConfig, ImageIndex, ImageManifest } from "./oci-types.js";

const optionalText = orAbsent(text);
const optionalTexts = orAbsent(orNull(listOf(text)));
const digest = matching(/^[a-z0-9]+([+._-][a-z0-9]+)*:[0-9a-fA-F]{32,128}$/, "a digest (sha256:…)");

const descriptor = record({
  mediaType: text,
  digest,
  size: count,
  platform: orAbsent(record({ os: text, architecture: text, variant: optionalText })),
  artifactType: optionalText,
  annotations: orAbsent(recordOf(text)),
});

const manifest = record({ mediaType: optionalText, config: descriptor, layers: listOf(descriptor) });
const index = record({ mediaType: optionalText, manifests: listOf(descriptor) });

/** The manifest of one image or artifact. */
export const manifestShape = shapeOf<ImageManifest>(manifest);

export const indexShape = shapeOf<ImageIndex>(index);

/** The document that a registry returns for a tag. */
export const manifestOrIndexShape = shapeOf<ImageManifest | ImageIndex>(either(index, manifest));

/** The fields of an image's configuration that are used here. */
export const configShape = shapeOf<ImageConfig>(
  record({
    created: orAbsent(orNull(text)),
    architecture: optionalText,
    os: optionalText,
    config: orAbsent(
      orNull(
        record({
          User: optionalText,
          Env: optionalTexts,
          Entrypoint: optionalTexts,
          Cmd: optionalTexts,
          WorkingDir: optionalText,
          Labels: orAbsent(orNull(recordOf(text))),
        }),
      ),
    ),
    rootfs: record({ diff_ids: listOf(digest) }),
    history: orAbsent(
      orNull(
        listOf(
          record({
            created: orAbsent(orNull(text)),
            created_by: optionalText,
            comment: optionalText,
            empty_layer: orAbsent(flag),
          }),
        ),
      ),
    ),
  }),
);

/** The description of one image in `manifest.json` of a docker archive. */
export interface ArchiveManifestEntry {
  readonly Config: string;
  readonly RepoTags?: readonly string[] | null;
  readonly Layers: readonly string[];
}

const path = matching(new RegExp(`^[^]{0,${longestPath}}$`), `a path of up to ${longestPath} characters`);

export const archiveManifestShape = shapeOf<readonly ArchiveManifestEntry[]>(
  listOf(record({ Config: path, RepoTags: optionalTexts, Layers: listOf(path) })),
);
