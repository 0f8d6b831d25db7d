import { shapeOf } from "../../json/checked-json.js";
import type { ImageConfig, ImageIndex, ImageManifest } from "./oci-types.js";

const text = { type: "string" } as const;
const texts = { type: ["array", "null"], items: text } as const;
const textsByName = { type: ["object", "null"], additionalProperties: text } as const;
const digest = { type: "string", pattern: "^[a-z0-9]+([+._-][a-z0-9]+)*:[0-9a-fA-F]{32,128}$" } as const;

const descriptor = {
  type: "object",
  required: ["mediaType", "digest", "size"],
  properties: {
    mediaType: text,
    digest,
    size: { type: "integer", minimum: 0 },
    platform: {
      type: "object",
      required: ["os", "architecture"],
      properties: { os: text, architecture: text, variant: text },
    },
    artifactType: text,
    annotations: { type: "object", additionalProperties: text },
  },
} as const;

const manifestProperties = {
  mediaType: text,
  config: descriptor,
  layers: { type: "array", items: descriptor },
} as const;

const indexProperties = { mediaType: text, manifests: { type: "array", items: descriptor } } as const;

/** A manifest of one image or artifact. */
export const manifestShape = shapeOf<ImageManifest>({
  type: "object",
  required: ["config", "layers"],
  properties: manifestProperties,
});

export const indexShape = shapeOf<ImageIndex>({
  type: "object",
  required: ["manifests"],
  properties: indexProperties,
});

/** What a registry has behind a tag. */
export const manifestOrIndexShape = shapeOf<ImageManifest | ImageIndex>({
  type: "object",
  anyOf: [{ required: ["manifests"] }, { required: ["config", "layers"] }],
  properties: { ...manifestProperties, ...indexProperties },
});

/** An image's configuration, as far as it is used. */
export const configShape = shapeOf<ImageConfig>({
  type: "object",
  required: ["rootfs"],
  properties: {
    created: { type: ["string", "null"] },
    architecture: text,
    os: text,
    config: {
      type: ["object", "null"],
      properties: {
        User: text,
        Env: texts,
        Entrypoint: texts,
        Cmd: texts,
        WorkingDir: text,
        Labels: textsByName,
      },
    },
    rootfs: {
      type: "object",
      required: ["diff_ids"],
      properties: { diff_ids: { type: "array", items: digest } },
    },
    history: {
      type: ["array", "null"],
      items: {
        type: "object",
        properties: {
          created: { type: ["string", "null"] },
          created_by: text,
          comment: text,
          empty_layer: { type: "boolean" },
        },
      },
    },
  },
});

/** What `manifest.json` of a docker archive says of one image. */
export interface ArchiveManifestEntry {
  readonly Config: string;
  readonly RepoTags?: readonly string[] | null;
  readonly Layers: readonly string[];
}

export const archiveManifestShape = shapeOf<readonly ArchiveManifestEntry[]>({
  type: "array",
  items: {
    type: "object",
    required: ["Config", "Layers"],
    properties: { Config: text, RepoTags: texts, Layers: { type: "array", items: text } },
  },
});
