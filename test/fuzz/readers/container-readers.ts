import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import { layerPath, places } from "../../../processor/contract/places.js";
import { targetKinds } from "../../../processor/contract/target.js";
import { findingsText } from "../../../src/cli/findings-text.js";
import { builderError } from "../../../src/ground/errors/builder-errors.js";
import { BlobCache } from "../../../src/oci/blob-cache.js";
import { type LayerBlob, mediaTypes } from "../../../src/oci/oci-types.js";
import { openDockerArchive } from "../../../src/oci/open-docker-archive.js";
import { asBase, openOciLayout } from "../../../src/oci/open-oci-layout.js";
import { preflight } from "../../../src/targets/preflight/preflight.js";
import { neverStopped } from "../../support/never-stopped.js";
import { mutateJson } from "../mutations/mutate.js";
import { buildTar, mutateTar, type TarPart } from "../mutations/mutate-tar.js";
import { convertedModel } from "./converted-model.js";
import { type FuzzedReader, type FuzzInput, type FuzzSeed, require } from "./fuzzed-reader.js";
import { inspects } from "./model-readers.js";

export const containerReaders: Readonly<Record<string, FuzzedReader>> = {
  "docker-archive": {
    mutation: mutateTar,
    seeds: dockerArchives,
    read: ({ folder, file }) => inspects(file, folder),
  },
  preflight: { mutation: mutateTar, seeds: dockerArchives, read: ({ file }) => passesPreflight(file) },
  "base-archive": { mutation: mutateTar, seeds: dockerArchives, read: opensArchive },
  "oci-layout": {
    mutation: mutateJson,
    seeds: async () => documentNames.map((path) => ({ path, bytes: () => layoutWith({}).documents[path] })),
    read: opensLayout,
  },
};

/** Returns a processor's image with one layer in Docker's present format and in its earlier one. */
async function dockerArchives(): Promise<readonly FuzzSeed[]> {
  const manifest = (await convertedModel("v2", "blobs_2d"))["manifest.json"]!;
  const layer = buildTar([part(layerPath(places.image.manifest), manifest)]);
  const config = Buffer.from(JSON.stringify(configOf(layer)));
  const configName = `${digest(config).slice(7)}.json`;
  const place = `blobs/sha256/${digest(layer).slice(7)}`;
  const documents = (layerPath: string) => [
    part(configName, config),
    part("manifest.json", JSON.stringify([{ Config: configName, RepoTags: ["x:1"], Layers: [layerPath] }])),
  ];
  const bare = buildTar([part(place, layer), ...documents(place)]);
  const framed = buildTar([part("a/layer.tar", gzipSync(layer)), ...documents("a/layer.tar")]);
  const linked = buildTar([
    part("b/layer.tar", layer),
    { ...part("a/layer.tar", ""), type: "2", linkTarget: "../b/layer.tar" },
    ...documents("b/layer.tar"),
  ]);
  return [bare, framed, linked, gzipSync(bare)].map((bytes) => ({ path: "image.tar", bytes: () => bytes }));
}

const part = (name: string, content: string | Buffer): TarPart => ({
  ...{ name, type: "0", linkTarget: "" },
  content: Buffer.from(content),
});

const digest = (bytes: Buffer): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

/** Checks the archive for every platform. The checks for a plain image, which are the fewest, decide whether it is accepted. */
async function passesPreflight(file: string): Promise<void> {
  for (const target of targetKinds) {
    const { findings, isAccepted } = await preflight({
      image: file,
      target,
      environment: {},
      signal: neverStopped(),
    });
    require(findingsText(findings, { hasColour: false, columns: 80 }).length > 0, "a text");
    const failed = findings.find(({ result }) => result === "fail");
    if (target === "plain" && !isAccepted)
      throw builderError("IMAGE_FILE_INVALID", failed?.reason ?? "nothing could be checked");
  }
}

/** Opens the archive as the embedded builder does and reads every layer. */
async function opensArchive({ folder, file }: FuzzInput): Promise<void> {
  const cache = await BlobCache.open(join(folder, "cache"));
  const { layers } = await openDockerArchive(file, { cache, signal: neverStopped() });
  await readLayers(layers);
}

async function readLayers(layers: readonly LayerBlob[]): Promise<void> {
  for (const { open, descriptor } of layers) {
    let bytes = 0;
    for await (const chunk of open()) bytes += chunk.byteLength;
    require(bytes === descriptor.size, "a layer of the size that its descriptor says");
  }
}

const platform = { os: "linux", architecture: "amd64" };

const configOf = (layer: Buffer) => ({
  ...platform,
  created: "2024-01-02T03:04:05Z",
  config: { User: "1000", Env: ["A=B"], Entrypoint: ["/a"], Cmd: null, Labels: { a: "b" } },
  history: [{ created_by: "x", empty_layer: true }],
  rootfs: { type: "layers", diff_ids: [digest(layer)] },
});

const documentNames = ["config.json", "manifest.json", "index.json"] as const;
type DocumentName = (typeof documentNames)[number];

/**
 * Returns the documents of an OCI layout and the blob of its layer. One document may be changed; the documents that refer
 * to it have its new digest, so that a reader gets as far as the changed document.
 */
function layoutWith(changed: Partial<Record<DocumentName, Buffer>>) {
  const layer = buildTar([part("a", "b")]);
  const packed = gzipSync(layer);
  const bytesOf = (name: DocumentName, value: object) => changed[name] ?? Buffer.from(JSON.stringify(value));
  const config = bytesOf("config.json", configOf(layer));
  const manifest = bytesOf("manifest.json", {
    schemaVersion: 2,
    config: descriptorOf(config, mediaTypes.config),
    layers: [descriptorOf(packed, mediaTypes.gzipLayer)],
  });
  const annotations = { "org.opencontainers.image.ref.name": "x" };
  const index = bytesOf("index.json", {
    schemaVersion: 2,
    manifests: [{ ...descriptorOf(manifest, mediaTypes.manifest), platform, annotations }],
  });
  const documents = { "config.json": config, "manifest.json": manifest, "index.json": index };
  return { documents, blobs: [config, manifest, packed] };
}

const descriptorOf = (bytes: Buffer, mediaType: string) => ({
  mediaType,
  digest: digest(bytes),
  size: bytes.length,
});

async function opensLayout({ folder, file }: FuzzInput): Promise<void> {
  const { documents, blobs } = layoutWith({ [basename(file)]: readFileSync(file) });
  const layout = join(folder, "layout");
  mkdirSync(join(layout, "blobs", "sha256"), { recursive: true });
  writeFileSync(join(layout, "index.json"), documents["index.json"]);
  for (const blob of blobs) writeFileSync(join(layout, "blobs", "sha256", digest(blob).slice(7)), blob);
  const { layers } = await asBase(await openOciLayout(layout));
  await readLayers(layers);
}
