import { join } from "node:path";
import { loadConfig } from "../../../src/config/load-config.js";
import { lockBase, lockSource, readLockedBase, readLockedSource } from "../../../src/download/lock-file.js";
import { repositoryRoot } from "../../support/golden.js";
import { neverStopped } from "../../support/never-stopped.js";
import { mutateJson } from "../mutations/mutate.js";
import { type FuzzedReader, type FuzzInput, require, seedFile, seedText } from "./fuzzed-reader.js";

/** Readers of the files that a build reads besides the model. */
export const configReaders: Readonly<Record<string, FuzzedReader>> = {
  config: {
    mutation: mutateJson,
    seeds: async () => [
      seedFile(join(repositoryRoot, "examples", "brain-tissue", "config.json")),
      seedText("config.json", algorithmConfig),
      seedText("config.json", ensembleConfig),
    ],
    read: async ({ file }) => void (await loadConfig(file)),
  },
  lock: {
    mutation: mutateJson,
    seeds: async () => [seedText("processor.lock.json", lockSeed)],
    read: locks,
  },
};

const algorithmConfig = {
  ...{ task_id: 4, task_name: "Liver", configuration: "3d_fullres", folds: [0, "all"], step_size: 0.5 },
  ...{
    device: "cuda",
    precision: "float16",
    allowed_extensions: ["nii.gz", "mha"],
    output_extension: "mha",
  },
  input_channels: { CT: "_ct" },
  target: "grand-challenge",
  grand_challenge: {
    output: "organ-segmentation",
    inputs: { CT: "ct-image" },
    api_method: "exec",
    json_outputs: [{ relative_path: "organ-volumes.json", content: "volumes_ml", label: "liver" }],
  },
};

const ensembleConfig = {
  ensemble: ["2d", { model: "../other", configuration: "3d_fullres", folds: [0, 1] }],
  ...{ postprocessing: "off", use_tta: false, write_json: true, target: "amos22" },
  amos22: { team: "ourteam", task: 2 },
};

const digits = (letter: string): string => letter.repeat(64);

const lockSeed = {
  lockVersion: 1,
  sources: { "zenodo:1/a.zip": { sha256: digits("a"), size: 1 } },
  baseImages: { "node:20": `sha256:${digits("b")}` },
};

/** Reads the lock file and adds to it; a second read must find what was added. */
async function locks({ file }: FuzzInput): Promise<void> {
  await readLockedSource(file, "zenodo:1/a.zip");
  await readLockedBase(file, "node:20");
  const added = { sha256: digits("c"), size: 2 };
  const place = { lockFile: file, signal: neverStopped() };
  await lockSource(place, "zenodo:2/b.zip", added);
  await lockBase(place, "node:22", `sha256:${digits("d")}`);
  require((await readLockedSource(file, "zenodo:2/b.zip"))?.sha256 === added.sha256, "the locked source");
  require((await readLockedBase(file, "node:22")) === `sha256:${digits("d")}`, "the locked base image");
}
