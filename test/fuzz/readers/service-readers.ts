import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import { createService } from "../../../processor/runtime/service/create-service.js";
import { readRoutingRules } from "../../../processor/runtime/service/dicom/routing/routing-rules.js";
import { unpackArchives } from "../../../processor/runtime/service/engine/unpack-archives.js";
import { serviceError } from "../../../processor/runtime/service/errors.js";
import { readSpec } from "../../../processor/runtime/service/models/read-spec.js";
import { DataRoots } from "../../../processor/runtime/service/requests/data-roots.js";
import { buildZip } from "../../support/archive/zip-builder.js";
import { neverStopped } from "../../support/never-stopped.js";
import { openTestEngine, type TestEngine } from "../../support/service/test-engine.js";
import { usualOptions } from "../../support/service/usual-options.js";
import { mutateBytes, mutateJson, mutateLines } from "../mutations/mutate.js";
import { buildTar, mutateTar } from "../mutations/mutate-tar.js";
import { mutateZip } from "../mutations/mutate-zip.js";
import {
  type FuzzedReader,
  type FuzzInput,
  type FuzzSeed,
  fixtures,
  require,
  seedText,
} from "./fuzzed-reader.js";

/** Readers of what clients of the service send, and of the file that names its models. */
export const serviceReaders: Readonly<Record<string, FuzzedReader>> = {
  "upload-tar": { mutation: mutateTar, seeds: async () => tars, read: unpack },
  "upload-zip": {
    mutation: mutateZip,
    seeds: async () => [{ path: "study.zip", bytes: () => buildZip(entries) }],
    read: unpack,
  },
  "serve-spec": {
    mutation: mutateLines,
    seeds: async () => [seedText("spec.yaml", spec)],
    read: async ({ file }) => {
      const { dicomRules, models } = await readSpec(file, { modelFolder: null, faultsOfNvidia: () => [] });
      require(models.length > 0, "a model");
      readRoutingRules(dicomRules);
    },
  },
  "service-requests": { mutation: mutateJson, seeds: async () => requests, read: answers },
  "service-forms": {
    mutation: mutateBytes,
    seeds: async () => [withScan(seedText("jobs.form", form)), withScan(seedText("infer_file.form", form))],
    read: answers,
  },
};

const entries = [
  { name: "study/a_0000.nii.gz", data: Buffer.from("voxels") },
  { name: "study/IM0001.dcm", data: Buffer.alloc(600, 7), deflate: true },
];

const tar = buildTar(
  entries.map(({ name, data }) => ({ name, type: "0", linkTarget: "", content: Buffer.from(data) })),
);

const tars: readonly FuzzSeed[] = [
  { path: "study.tar", bytes: () => tar },
  { path: "study.tar.gz", bytes: () => gzipSync(tar) },
];

function unpack({ file }: FuzzInput): Promise<void> {
  return unpackArchives([file], neverStopped());
}

const spec = `model_folder: models
load_timeout_min: 30
models:
  - id: organ
    rel_path: Dataset001_Organ
    aliases: [organs, &first o]
    metadata: {segments: [{label: 1, name: Liver}]}
    min_mem: 4000
    default_args:
      use_folds: [0, 1]
      tta: true
  - id: total
    totalseg_task: total_fast
dicom_rules:
  - modality: CT
    description~: abdomen
    slices>=: 20
    model: organ
    output: [seg, rtstruct]
    send_to: pacs
`;

/** A file of the data root that requests name. */
const scan = readFileSync(join(fixtures, "images", "flipped.nii"));
const withScan = (seed: FuzzSeed): FuzzSeed => ({ ...seed, companions: { "study/a_0000.nii": () => scan } });

/** Stands for the data root in a request, which is another folder in each run. */
const rootWord = "DATA_ROOT";

const source = { study_path: `${rootWord}/study`, series_folders: ["a_0000.nii"] };
const requests = [
  ["jobs", { model: "organ", ...source, tta: false, use_folds: [0, "all"], proba_threshold: 0.5 }],
  ["jobs", { model: ["organ", "lesion"], ...source, series_folders: [["a_0000.nii"], ["from:organ"]] }],
  ["infer", { nnunet_id: "organ", ...source, output_dir: `${rootWord}/out`, class_idx: [1] }],
  ["uploads", { name: "a/scan.nii.gz", bytes: 100, sha256: "a".repeat(64) }],
].map(([route, body]) => withScan(seedText(`${route as string}.json`, body)));

const boundary = "b0und4ry";
const form = [
  `--${boundary}`,
  'Content-Disposition: form-data; name="request"',
  "",
  '{"REQUEST": "organ"}',
  `--${boundary}`,
  'Content-Disposition: form-data; name="file"; filename="a_0000.nii"',
  "Content-Type: application/octet-stream",
  "",
  "SCAN",
  `--${boundary}--`,
  "",
].join("\r\n");

const routes: Readonly<Record<string, string>> = {
  "jobs.json": "/v1/jobs",
  "infer.json": "/infer",
  "uploads.json": "/v1/uploads",
  "jobs.form": "/v1/jobs",
  "infer_file.form": "/infer_file",
};

/** Sends a body to a service whose jobs end at once. An answer must not be a fault of the server. */
async function answers({ folder, file }: FuzzInput): Promise<void> {
  const service = await openService(folder);
  const name = basename(file);
  try {
    const { statusCode, body } = await service.app.inject({
      method: "POST",
      url: routes[name]!,
      headers: {
        host: "localhost",
        "content-type": name.endsWith(".json")
          ? "application/json"
          : `multipart/form-data; boundary=${boundary}`,
      },
      payload: filled(readFileSync(file), name, folder),
    });
    require(statusCode < 500, `an answer that blames the client: ${statusCode} ${body.slice(0, 500)}`);
    const health = await service.app.inject({ url: "/healthz", headers: { host: "localhost" } });
    require(health.statusCode === 200, "a server that still answers");
    if (statusCode >= 400) throw serviceError("REQUEST_INVALID", body.slice(0, 500));
  } finally {
    await service.close(0);
  }
}

/** Puts the data root, the key of the model and an image into a body. */
function filled(bytes: Buffer, name: string, folder: string): Buffer {
  const key = name === "jobs.form" ? "model" : "nnunet_id";
  const text = bytes
    .toString("latin1")
    .replaceAll(rootWord, folder)
    .replace('"REQUEST"', JSON.stringify(key))
    .replace(/^SCAN\r$/m, () => `${scan.toString("latin1")}\r`);
  return Buffer.from(text, "latin1");
}

async function openService(folder: string) {
  return createService({
    folder: join(folder, "service"),
    ...usualOptions(),
    openEngine: (listener) => {
      const engine: TestEngine = openTestEngine(listener);
      return Promise.resolve({ ...engine, submit: ({ id }) => engine.finish(id) });
    },
    dataRoots: await DataRoots.open([folder]),
    writeLog: () => {},
  });
}
