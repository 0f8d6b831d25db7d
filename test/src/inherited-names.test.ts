import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { strictReading } from "../../processor/contract/dicom-settings.js";
import { ProcessorError } from "../../processor/contract/errors.js";
import { readDicomSeries } from "../../processor/imaging/dicom/read-dicom-series.js";
import { findImageCases } from "../../processor/runtime/cases/find-image-cases.js";
import { parseFolderArguments } from "../../processor/runtime/entries/folder-arguments.js";
import { findSocketCase } from "../../processor/runtime/entries/grand-challenge/find-case.js";
import { describeModel } from "../../src/checkpoint/nnunet-formats.js";
import { noNvidiaOptions } from "../../src/checkpoint/nvidia/nvidia-options.js";
import { parseCommandLine } from "../../src/cli/command-line.js";
import { plainCommand } from "../../src/cli/plain-command.js";
import { loadConfig } from "../../src/config/load-config.js";
import { readLockedSource } from "../../src/download/lock-file.js";
import { findMonaiBundle } from "../../src/models/find-monai-bundle.js";
import { findNvidiaModel } from "../../src/models/find-nvidia-model.js";
import { anyModel } from "../../src/models/model-query.js";
import { readDatasetJson } from "../../src/nnunet/datasets/dataset-json.js";
import { listCases } from "../../src/nnunet/datasets/list-cases.js";
import { phantomSlice } from "../support/dicom/phantom-series.js";
import { goldenPath, repositoryRoot } from "../support/golden.js";
import { dicomFile } from "../support/images/dicom-builder.js";
import { testSettings } from "../support/model/convert.js";
import { modelIn } from "../support/model/model-in.js";
import { neverStopped } from "../support/never-stopped.js";
import { testService } from "../support/service/test-service.js";

const scratch = mkdtempSync(join(tmpdir(), "inherited-names-"));
afterAll(() => rmSync(scratch, { recursive: true }));

/** Names that every JavaScript object inherits; the last one sets an object's prototype. */
const inheritedNames = ["constructor", "toString", "valueOf", "hasOwnProperty", "__proto__"];

/** A new folder with one file. */
function folderWith(name: string, content: string | Uint8Array): string {
  const folder = mkdtempSync(join(scratch, "input-"));
  writeFileSync(join(folder, name), content);
  return folder;
}

/** Describes the golden bundle for the spleen after the first use of a class in its configuration was renamed. */
async function bundleWith(className: string, name: string): Promise<unknown> {
  const folder = mkdtempSync(join(scratch, "bundle-"));
  cpSync(goldenPath("monai", "spleen_unet", "bundle"), folder, { recursive: true });
  const file = join(folder, "configs", "inference.json");
  const config = readFileSync(file, "utf8");
  writeFileSync(file, config.replace(`"${className}"`, `"${name}"`));
  return describeModel((await findMonaiBundle(folder, anyModel))!);
}

const config = async (json: string): Promise<unknown> =>
  (await loadConfig(join(folderWith("config.json", json), "config.json"))).settings;

const seriesIn = (folder: string) => readDicomSeries(folder, strictReading, neverStopped());

async function answered(method: "GET" | "POST", url: string, payload?: string): Promise<unknown> {
  const { app } = await testService();
  const headers = { host: "localhost", "content-type": "application/json" };
  const { statusCode, body } = await app.inject({ method, url, headers, ...(payload && { payload }) });
  return [statusCode, body.replace(/"request":"[^"]+"/, "")];
}

async function socketCase(channel: string): Promise<unknown> {
  const inputDir = folderWith("unused", "");
  mkdirSync(join(inputDir, "images", "ct"), { recursive: true });
  const target = {
    kind: "grand-challenge",
    apiMethod: "exec",
    inputSockets: { MR: "ct" },
    outputSocket: "o",
    jsonOutputs: [],
  } as const;
  return findSocketCase({ inputDir, target, channelNames: [channel] });
}

async function listedCases(variable: string): Promise<unknown> {
  const folder = folderWith(
    "dataset.json",
    JSON.stringify({
      channel_names: { 0: variable },
      labels: { background: 0, [variable]: 1 },
      numTraining: 1,
      file_ending: ".nii.gz",
      dataset: { [variable]: { images: [`/$${variable}/a.nii.gz`], label: `/\${${variable}}/b.nii.gz` } },
    }),
  );
  const { channelNames, labels, ...dataset } = await readDatasetJson(folder);
  return [channelNames, labels, await listCases({ channelNames, labels, ...dataset }, process.env)];
}

const inputs: readonly [name: string, read: (name: string) => Promise<unknown>][] = [
  ["a command", (name) => parseCommandLine([name])],
  ["an option", (name) => parseCommandLine(["inspect", "model", `--${name}`])],
  ["a key below an option", (name) => parseCommandLine(["inspect", "model", `--${name}.x=1`])],
  ["an option of nnU-Net's tools", (name) => plainCommand(["plan", "4", `--${name}`])],
  ["an option of an image", async (name) => parseFolderArguments([`--${name}`], {})],
  ["the checkpoint of a model of v1", (name) => modelIn(v1Model, { checkpointName: name })],
  [
    "the task of a model of NVIDIA",
    (name) => findNvidiaModel(v1Model, anyModel, { ...noNvidiaOptions, task: name }),
  ],
  ["a transform of a bundle", (name) => bundleWith("Spacingd", name)],
  ["the network of a bundle", (name) => bundleWith("UNet", `nets.${name}`)],
  ["a key of config.json", (name) => config(`{${JSON.stringify(name)}: {}}`)],
  ["a key in dicom", (name) => config(`{"dicom": {${JSON.stringify(name)}: {}}}`)],
  ["a channel in config.json", (name) => config(`{"input_channels": {${JSON.stringify(name)}: "_x"}}`)],
  ["the address of a download", (name) => readLockedSource(join(scratch, "processor.lock.json"), name)],
  ["a transfer syntax", (name) => seriesIn(folderWith("a.dcm", dicomFile(phantomSlice(0, []), name)))],
  [
    "a SOP class",
    (name) => {
      const sopClass = ["UI", `1.2.840.10008.5.1.4.1.1.${name}`] as const;
      return seriesIn(folderWith("a.dcm", dicomFile(phantomSlice(0, [[0x00080016, sopClass]]))));
    },
  ],
  ["names and variables in dataset.json", listedCases],
  [
    "a channel without an ending",
    (name) =>
      findImageCases(
        { ...testSettings, inputDir: folderWith("a.nii.gz", ""), inputChannels: { CT: "_ct" } },
        { channelNames: ["CT", name], mayHoldAllChannels: false },
      ),
  ],
  ["a channel without a socket", socketCase],
  ["a model of the service", (name) => answered("GET", `/v1/models/${name}`)],
  [
    "a model in a request",
    (name) =>
      answered(
        "POST",
        "/infer",
        JSON.stringify({ nnunet_id: name, study_path: "/s", series_folders: ["a"], output_dir: "/o" }),
      ),
  ],
  ["a parameter of a query", (name) => answered("GET", `/v1/jobs?${name}=1`)],
];

const v1Model = join(repositoryRoot, "test", "fixtures", "networks_v1", "generic_slope");

/** Returns what came of an input as text, without the places of scratch files. An error outside the catalogue is a bug. */
async function outcomeOf(result: Promise<unknown>): Promise<string> {
  const outcome = await result.catch((error: unknown) => {
    if (error instanceof ProcessorError) return `${error.code}: ${error.message}`;
    throw error;
  });
  return JSON.stringify(outcome).replaceAll(new RegExp(`${scratch}/\\w+-\\w{6}`, "g"), "FOLDER");
}

test.each(inputs)("%s with an inherited name is answered like any other", async (_, read) => {
  const usual = await outcomeOf(read("unheardOf"));
  for (const name of inheritedNames)
    expect(await outcomeOf(read(name)), name).toBe(usual.replaceAll("unheardOf", () => name));
});
