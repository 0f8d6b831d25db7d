import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { readInputsJson } from "../../../processor/runtime/entries/grand-challenge/inputs-json.js";
import { serve } from "../../../processor/runtime/entries/grand-challenge/serve.js";
import { loadModel } from "../../../processor/runtime/model/load-model.js";
import { readTarget } from "../../../processor/runtime/model/read-target.js";
import { mutateJson, mutateLines } from "../mutations/mutate.js";
import { convertedModel } from "./converted-model.js";
import { type FuzzedReader, type FuzzInput, type FuzzSeed, require, seedText } from "./fuzzed-reader.js";
import { inspects } from "./model-readers.js";

/** Readers of the files that an image reads besides pictures. */
export const processorReaders: Readonly<Record<string, FuzzedReader>> = {
  manifest: {
    mutation: mutateJson,
    seeds: manifests,
    async read({ folder }) {
      await loadModel(folder, null);
      await inspects(folder, folder);
    },
  },
  target: {
    mutation: mutateJson,
    seeds: async () => [
      seedText("target.json", targetSeed),
      seedText("target.json", { targetVersion: 1, target: { kind: "plain" } }),
    ],
    read: async ({ file }) => void (await readTarget(file)),
  },
  inputs: {
    mutation: mutateJson,
    seeds: async () => [seedText("inputs.json", inputsSeed)],
    read: async ({ folder }) => void (await readInputsJson(folder)),
  },
  requests: { mutation: mutateLines, seeds: async () => requests, read: serves },
};

async function manifests(): Promise<readonly FuzzSeed[]> {
  const models = [await convertedModel("v2", "blobs_3d_fullres"), await convertedModel("v1", "blobs_2d")];
  return models.map((files) => {
    const { "manifest.json": manifest, ...others } = files;
    const companions = Object.entries(others).map(([path, bytes]) => [path, () => bytes] as const);
    return { path: "manifest.json", bytes: () => manifest!, companions: Object.fromEntries(companions) };
  });
}

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

const requests = [
  "GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
  "POST /invoke?a=b HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
  "GET http://x:80/health HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: close\r\n\r\n",
].map((text) => seedText("request", text));

/** Sends bytes to a new server, which must still answer the next request. */
async function serves({ file }: FuzzInput): Promise<void> {
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
  require(status === 200 && failures.length === 0, "a server that still answers");
}
