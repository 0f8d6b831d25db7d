import { type BatchFile, runDigest } from "../../../processor/runtime/batch/batch-file.js";
import { batchFolder } from "../../../processor/runtime/batch/batch-folder.js";
import { parseManifest, readManifest } from "../../../processor/runtime/batch/batch-manifest.js";
import { batchStatus, statusCsv } from "../../../processor/runtime/batch/batch-status.js";
import { type CaseRecord, readRecord } from "../../../processor/runtime/batch/case-record.js";
import { batchError } from "../../../processor/runtime/batch/errors.js";
import { testSettings } from "../../support/model/convert.js";
import { mutateJson, mutateLines } from "../mutations/mutate.js";
import { type FuzzedReader, type FuzzInput, type FuzzSeed, require, seedText } from "./fuzzed-reader.js";

/** Readers of the files that the processes of a batch share. */
export const batchReaders: Readonly<Record<string, FuzzedReader>> = {
  "batch-manifest": {
    mutation: mutateLines,
    seeds: async () => [seedText("cases.jsonl", cases)],
    read: async ({ file }) => {
      const { cases: found } = await readManifest(file);
      require(new Set(found.map(({ name }) => name)).size === found.length, "a name for each case");
      require(found.every(({ output }) => !output.split("/").includes("..")), "outputs in the folder");
    },
  },
  "batch-record": { mutation: mutateJson, seeds: async () => [record, batch], read: readsStatus },
};

const cases = [
  { case: "a", inputs: ["images/a_0000.nii.gz", "images/a_0001.nii.gz"] },
  { case: "b", dicom: "series/b", output: "lung/b.nii.gz" },
  { case: "c", dicom: ["series/c1", "series/c2"] },
]
  .map((line) => `${JSON.stringify(line)}\n`)
  .join("");

const digest = "a".repeat(64);
const batchOfCases: BatchFile = {
  batchVersion: 1,
  model: { folder: "/models/organ", digest, name: "organ", folds: null, appliesPostProcessing: true },
  settings: testSettings,
  hookDigest: null,
  manifestDigest: digest,
  manifestFolder: "/data",
  caseCount: 3,
};
const recordOfA: CaseRecord = {
  recordVersion: 1,
  case: "a",
  state: "failed",
  mayRetry: false,
  attempts: [
    { host: "h", started: "2026-01-01T00:00:00.000Z", seconds: 1, error: { code: "A", message: "m" } },
  ],
  host: "h",
  device: "cpu",
  inferenceEngine: null,
  seconds: 1.5,
  ended: "2026-01-01T00:00:01.000Z",
  modelDigest: digest,
  manifestDigest: digest,
  runDigest: runDigest(batchOfCases),
  caseDigest: parseManifest(cases, "cases.jsonl", "/data").cases[0]!.digest,
  inputs: [{ path: "a", sha256: digest }],
  outputs: [],
  labels: {},
  warnings: [],
  error: { code: "IMAGE_INVALID", message: "m", help: "h", exitCode: 4 },
};

const companions = {
  "cases.jsonl": () => Buffer.from(cases),
  "batch.json": () => Buffer.from(JSON.stringify(batchOfCases)),
};
const record: FuzzSeed = { ...seedText("cases/a.json", recordOfA), companions };
const batch: FuzzSeed = { ...seedText("batch.json", batchOfCases), companions };

/** A damaged record counts as none, because the case is computed again. */
async function readsStatus({ folder, file }: FuzzInput): Promise<void> {
  const place = batchFolder(folder);
  const status = await batchStatus(place);
  const { total, done, failed, running, waiting } = status;
  require(done + failed + running + waiting === total, "a state for each case");
  require(statusCsv(status).split("\n").length >= total + 2, "a line for each case");
  if (file === place.recordFile("a") && (await readRecord(place, "a")) === null)
    throw batchError("BATCH_NOT_FOUND", "the record is damaged");
}
