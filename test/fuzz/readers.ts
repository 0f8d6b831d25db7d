import { once } from "node:events";
import { copyFileSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import { readInputsJson } from "../../processor/entries/grand-challenge/inputs-json.js";
import { serve } from "../../processor/entries/grand-challenge/serve.js";
import { readImage } from "../../processor/image-io/read-image.js";
import { loadModel } from "../../processor/model/load-model.js";
import type { LabelDefinition } from "../../processor/model/manifest.js";
import { readTarget } from "../../processor/model/target-file.js";
import { ZipArchive } from "../../src/archive/zip-archive.js";
import { readPostProcessing } from "../../src/checkpoint/post-processing/read-post-processing.js";
import { readTorchFile } from "../../src/checkpoint/torch/read-torch-file.js";
import { loadConfig } from "../../src/config/load-config.js";
import { openOciLayout } from "../../src/image/oci/open-oci-layout.js";
import { readImageArchive } from "../../src/image/oci/read-image-archive.js";
import { inspectSource } from "../../src/inspect/inspect-source.js";
import { readOnnxModel } from "../../src/onnx/read-onnx.js";
import { repositoryRoot } from "../support/golden.js";
import type { Structure } from "./mutate.js";

/** Something that reads strangers' bytes. */
export interface FuzzedReader {
  readonly structure: Structure;
  /** Valid files; paths below the repository, or the bytes themselves under a file's name. */
  readonly seeds: readonly FuzzSeed[];
  /** Reads the file, which has the seed's name, and checks what holds for every result. */
  readonly read: (file: string) => Promise<void>;
}

export interface FuzzSeed {
  /** Last part of a path: its ending says the format. */
  readonly name: string;
  readonly bytes: () => Buffer;
}

const fixtures = join(repositoryRoot, "test", "fixtures");
const example = join(repositoryRoot, "examples", "brain-tissue", "model");

const seedFile = (path: string, name = path.split("/").at(-1)!): FuzzSeed => ({
  name,
  bytes: () => readFileSync(path),
});
const seedText = (name: string, value: unknown): FuzzSeed => ({
  name,
  bytes: () => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)),
});

const filesBelow = (folder: string, ending: RegExp): readonly FuzzSeed[] =>
  readdirSync(join(fixtures, folder))
    .filter((name) => ending.test(name))
    .map((name) => seedFile(join(fixtures, folder, name)));

async function readsImage(file: string): Promise<void> {
  const { voxels, components, geometry } = await readImage(file);
  const [z, y, x] = geometry.sizeZyx;
  require(voxels.length === components * z * y * x, "as many voxels as the size says");
  require([...geometry.spacingMmZyx].every((mm) => Number.isFinite(mm) && mm > 0), "spacing above 0");
  require([...geometry.originMmXyz, ...geometry.directionXyz.flat()].every(
    Number.isFinite,
  ), "a finite place");
}

function require(isRight: boolean, what: string): void {
  if (!isRight) throw new Error(`the result does not have ${what}`);
}

const image = (ending: RegExp, structure: Structure, folder = "images"): FuzzedReader => ({
  structure,
  seeds: filesBelow(folder, ending),
  read: readsImage,
});

const labels: LabelDefinition = {
  names: [
    { name: "background", value: 0 },
    { name: "a", value: 1 },
    { name: "b", value: 2 },
  ],
  foregroundLabels: [1, 2],
  regionsClassOrder: null,
  ignoreLabel: null,
};

/** A model folder whose one file is the mutated one. */
async function inspectsModel(file: string): Promise<void> {
  const folder = dirname(file);
  for (const name of ["plans.json", "dataset.json"])
    if (join(folder, name) !== file) copyFileSync(join(example, name), join(folder, name));
  mkdirSync(join(folder, "fold_0"));
  copyFileSync(
    join(example, "fold_0", "checkpoint_final.pth"),
    join(folder, "fold_0", "checkpoint_final.pth"),
  );
  await inspectSource(folder, {
    openContext: () => Promise.reject(new Error("no archive is opened")),
    environment: {},
    currentDirectory: folder,
    signal: new AbortController().signal,
  });
}

const manifestSeed = {
  manifestVersion: 1,
  task: { id: 1, name: "x" },
  settings: {},
  models: [{ configuration: "2d", channelNames: ["CT"], folds: [{ fold: "0", onnxFile: "f.onnx" }] }],
  postProcessing: [],
};

const targetSeed = {
  targetVersion: 1,
  target: {
    kind: "grand-challenge",
    apiMethod: "exec",
    inputSockets: { CT: "ct-image" },
    outputSocket: "organ-segmentation",
    jsonOutputs: [{ relativePath: "a.json", content: "volumes_ml", label: null }],
  },
};

const inputsSeed = [
  {
    socket: { slug: "ct-image", relative_path: "images/ct-image", is_image_kind: true },
    image: { name: "x" },
  },
  { interface: { slug: "age", relative_path: "age.json", super_kind: "Value" }, value: 61 },
];

const indexSeed = {
  schemaVersion: 2,
  manifests: [
    {
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      digest: `sha256:${"0".repeat(64)}`,
      size: 100,
      platform: { os: "linux", architecture: "amd64" },
      annotations: { "org.opencontainers.image.ref.name": "x" },
    },
  ],
};

/** Sends bytes to a server of its own, which must answer the next request. */
async function serves(file: string): Promise<void> {
  const stop = new AbortController();
  let port = 0;
  const ready = new EventTarget();
  const isReady = once(ready, "ready");
  const failures: unknown[] = [];
  const ended = serve({
    port: 0,
    open: async () => ({ run: async () => {}, close: async () => {} }),
    note(line) {
      port = Number(/port (\d+)/.exec(line)?.[1] ?? port);
      if (line === "ready") ready.dispatchEvent(new Event("ready"));
    },
    onFailure: (error) => failures.push(error),
    signal: stop.signal,
  });
  await isReady;
  const socket = connect(port, "localhost");
  socket.on("error", () => {});
  socket.end(readFileSync(file));
  await new Promise((resolve) => socket.resume().once("close", resolve));
  const { status } = await fetch(`http://localhost:${port}/health`);
  stop.abort(new Error("done"));
  await ended.catch(() => {});
  require(status === 200 && failures.length === 0, "a server that goes on");
}

export const fuzzedReaders: Readonly<Record<string, FuzzedReader>> = {
  nifti: image(/\.nii(\.gz)?$/, "binary"),
  metaimage: image(/\.mha$/, "lines"),
  nrrd: image(/\.nrrd$/, "lines"),
  gipl: image(/\.gipl(\.gz)?$/, "binary"),
  png: image(/\.png$/, "binary"),
  bmp: image(/\.bmp$/, "binary", "tiff"),
  tiff: image(/\.tiff?$/, "binary", "tiff"),
  torch: {
    structure: "binary",
    seeds: filesBelow("checkpoints", /\.(pth|pkl)$/),
    read: async (file) => void (await readTorchFile(file)),
  },
  postprocessing: {
    structure: "binary",
    seeds: filesBelow("ensembles", /postprocessing.*\.pkl$/),
    read: async (file) => void (await readPostProcessing(file, labels)),
  },
  "postprocessing-json": {
    structure: "json",
    seeds: filesBelow("ensembles", /postprocessing.*\.json$/),
    read: async (file) => void (await readPostProcessing(file, labels)),
  },
  zip: {
    structure: "binary",
    seeds: filesBelow("archive", /\.zip$/),
    async read(file) {
      const archive = await ZipArchive.open(file);
      try {
        for (const { path } of archive.entries) {
          require(!path.includes("..") && !path.startsWith("/"), "safe names only");
          for await (const _ of archive.read(path));
        }
      } finally {
        await archive.close();
      }
    },
  },
  onnx: {
    structure: "binary",
    seeds: filesBelow("onnx", /\.onnx$/),
    read: async (file) => void readOnnxModel(file),
  },
  plans: { structure: "json", seeds: [seedFile(join(example, "plans.json"))], read: inspectsModel },
  dataset: { structure: "json", seeds: [seedFile(join(example, "dataset.json"))], read: inspectsModel },
  config: {
    structure: "json",
    seeds: [seedFile(join(repositoryRoot, "examples", "brain-tissue", "config.json"))],
    read: async (file) => void (await loadConfig(file)),
  },
  "docker-archive": {
    structure: "binary",
    seeds: [{ name: "image.tar", bytes: dockerArchive }],
    read: async (file) => void (await readImageArchive(file, "manifest.json")),
  },
  "oci-layout": {
    structure: "json",
    seeds: [seedText("index.json", indexSeed)],
    read: async (file) => void (await openOciLayout(dirname(file))),
  },
  manifest: {
    structure: "json",
    seeds: [seedText("manifest.json", manifestSeed)],
    read: async (file) => void (await loadModel(dirname(file), null)),
  },
  target: {
    structure: "json",
    seeds: [seedText("target.json", targetSeed)],
    read: async (file) => void (await readTarget(file)),
  },
  inputs: {
    structure: "json",
    seeds: [seedText("inputs.json", inputsSeed)],
    read: async (file) => void (await readInputsJson(dirname(file))),
  },
  requests: {
    structure: "lines",
    seeds: [
      seedText("a", "GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
      seedText(
        "b",
        "POST /invoke?a=b HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
      ),
      seedText(
        "c",
        "GET http://x:80/health HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: close\r\n\r\n",
      ),
    ],
    read: serves,
  },
};

/** An archive of one image without layers, as `docker save` writes it. */
function dockerArchive(): Buffer {
  const config = JSON.stringify({
    architecture: "amd64",
    os: "linux",
    config: { Env: ["A=B"], Labels: { a: "b" } },
    rootfs: { type: "layers", diff_ids: [] },
  });
  const manifest = JSON.stringify([{ Config: "config.json", RepoTags: ["x:1"], Layers: [] }]);
  return Buffer.concat([
    tarEntry("config.json", config),
    tarEntry("manifest.json", manifest),
    Buffer.alloc(1024),
  ]);
}

function tarEntry(name: string, content: string): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write("0000644\0", 100);
  header.write(`${content.length.toString(8).padStart(11, "0")}\0`, 124);
  header.write("        0ustar\u000000", 148);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  const padded = Buffer.alloc(Math.ceil(content.length / 512) * 512);
  padded.write(content);
  return Buffer.concat([header, padded]);
}
