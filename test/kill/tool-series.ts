import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { goldenPath } from "../support/golden.js";
import type { KillSeries } from "./kill-series.js";

const dataset = "Dataset303_AnisoMR";
const selection = goldenPath("tools", "selection");

/** The commands of nnU-Net's work around training, on golden data. */
export function toolSeries(cacheFolder: string): readonly KillSeries[] {
  const raw = goldenPath("tools", "datasets");
  const ownFolders = (folder: string) => ({
    nnUNet_raw: raw,
    nnUNet_preprocessed: join(folder, "preprocessed"),
    nnUNet_results: join(folder, "results"),
  });
  return [
    {
      name: "fingerprint",
      args: () => ["fingerprint", "303"],
      ...{ sameFiles: /\/dataset_fingerprint\.json$/, cacheFolder, environment: ownFolders },
    },
    {
      name: "preprocess",
      args: () => ["preprocess", "303", "-c", "3d_fullres", "--splits"],
      prepare: (folder) => {
        const expected = (name: string) => join(raw, dataset, name);
        const target = join(folder, "preprocessed", dataset);
        cpSync(expected("expected_fingerprint.json"), join(target, "dataset_fingerprint.json"));
        cpSync(expected("expected_nnUNetPlans.json"), join(target, "nnUNetPlans.json"));
      },
      ...{ sameFiles: /(\.b2nd|\.pkl|splits_final\.json)$/, cacheFolder, environment: ownFolders },
    },
    {
      name: "find-best",
      args: () => ["find-best", "1", "-c", "2d", "3d_fullres"],
      prepare: (folder) => {
        cpSync(join(selection, "EnsembleWins", "in"), folder, { recursive: true });
        const name = "Dataset001_EnsembleWins";
        const from = join(folder, "nnUNet_preprocessed", name);
        cpSync(from, join(folder, "nnUNet_raw", name), { recursive: true });
        cpSync(join(from, "gt_segmentations"), join(folder, "nnUNet_raw", name, "labelsTr"), {
          recursive: true,
        });
      },
      environment: (folder) => ({
        nnUNet_raw: join(folder, "nnUNet_raw"),
        nnUNet_preprocessed: join(folder, "nnUNet_preprocessed"),
        nnUNet_results: join(folder, "nnUNet_results"),
      }),
      ...{ sameFiles: /(crossval_results|ensembles).*\.nii\.gz$/, cacheFolder },
    },
    {
      name: "ensemble",
      args: () => ["ensemble", "-i", "p1", "p2", "-o", "ens", "--save_npz"],
      prepare: (folder) => cpSync(join(selection, "commands_labels", "in"), folder, { recursive: true }),
      ...{ sameFiles: /^ens\/[^.]/, cacheFolder },
    },
    {
      name: "evaluate",
      args: () => ["evaluate", "gt", "pred", "--html", "report.html", "--csv", "scores.csv"],
      prepare: (folder) => cpSync(goldenPath("tools", "evaluation", "labels"), folder, { recursive: true }),
      ...{ sameFiles: /^(report\.html|scores\.csv|pred\/summary\.json)$/, cacheFolder },
    },
    {
      name: "convert",
      args: () => ["dataset", "convert", join(decathlon, readdirSync(decathlon)[0]!)],
      environment: (folder) => ({ nnUNet_raw: join(folder, "raw") }),
      ...{ sameFiles: /^raw\/[^.]/, cacheFolder, exitIfComplete: 4 },
    },
    ...seriesOfSelection(cacheFolder),
    ...seriesOfV1(cacheFolder),
  ];
}

/** Commands that collect and pack what trainings have left. */
function seriesOfSelection(cacheFolder: string): readonly KillSeries[] {
  const inputs = (folder: string) =>
    cpSync(join(selection, "EnsembleWins", "in"), folder, { recursive: true });
  const environment = (folder: string) => ({
    nnUNet_preprocessed: join(folder, "nnUNet_preprocessed"),
    nnUNet_results: join(folder, "nnUNet_results"),
  });
  return [
    {
      name: "accumulate",
      args: () => ["accumulate", "1", "-c", "2d", "-o", "out"],
      ...{ prepare: inputs, environment, sameFiles: /^out\/.*\.nii\.gz$/, cacheFolder, exitIfComplete: 4 },
    },
    {
      name: "find-best-kept",
      args: () => ["find-best", "1", "-c", "2d", "3d_fullres", "--keep-existing"],
      ...{ prepare: inputs, environment, sameFiles: /(crossval_results|ensembles).*\.nii\.gz$/, cacheFolder },
    },
    {
      name: "postprocess",
      args: () => ["postprocess", "determine", "-i", "p1", "--ref", "gt"],
      prepare: (folder) => cpSync(join(selection, "commands_labels", "in"), folder, { recursive: true }),
      ...{ sameFiles: /^p1\/(postprocessed\/[^.].*\.nii\.gz|postprocessing\.pkl)$/, cacheFolder },
    },
    {
      name: "dataset-show",
      args: () => ["dataset", "show", "303", "--pictures", "pages"],
      environment: () => ({ nnUNet_raw: goldenPath("tools", "datasets") }),
      ...{ sameFiles: /^pages\/.*\.(png|html)$/, cacheFolder },
    },
    {
      name: "plot-overlays",
      args: () => ["plot-overlays", "303", "-o", "pages"],
      environment: () => ({ nnUNet_raw: goldenPath("tools", "datasets") }),
      ...{ sameFiles: /^pages\/.*\.png$/, cacheFolder },
    },
  ];
}

/** The commands of v1's work, on its own folders. */
function seriesOfV1(cacheFolder: string): readonly KillSeries[] {
  const environment = (folder: string) => ({
    nnUNet_raw_data_base: folder,
    nnUNet_preprocessed: join(folder, "nnUNet_preprocessed"),
    RESULTS_FOLDER: join(folder, "RESULTS_FOLDER"),
  });
  return [
    {
      name: "plan-v1",
      args: () => ["plan", "3", "--nnunet", "v1"],
      ...{ prepare: writeTask, environment, sameFiles: /^nnUNet_preprocessed\/.*\.json$/, cacheFolder },
    },
    {
      name: "find-best-v1",
      args: () => ["find-best", "601", "--nnunet", "v1", "-c", "2d", "3d_fullres", "--postprocessing"],
      prepare: (folder) =>
        cpSync(goldenPath("tools", "selection-v1", "EnsembleWins", "in"), folder, { recursive: true }),
      ...{ environment, sameFiles: /(cv_niftis_raw|ensembles).*\.nii\.gz$/, cacheFolder },
    },
  ];
}

/** Writes a data set of v2 as a task of v1. */
function writeTask(folder: string): void {
  const source = goldenPath("tools", "datasets", dataset);
  const target = join(folder, "nnUNet_raw_data", "Task003_AnisoMR");
  mkdirSync(target, { recursive: true });
  for (const part of ["imagesTr", "labelsTr"])
    cpSync(join(source, part), join(target, part), { recursive: true });
  const { channel_names, labels } = JSON.parse(readFileSync(join(source, "dataset.json"), "utf8")) as {
    readonly channel_names: unknown;
    readonly labels: Readonly<Record<string, unknown>>;
  };
  const json = {
    modality: channel_names,
    labels: Object.fromEntries(Object.keys(labels).map((name, value) => [value, name])),
    training: readdirSync(join(target, "labelsTr")).map((file) => ({ image: `./imagesTr/${file}` })),
    test: [],
  };
  writeFileSync(join(target, "dataset.json"), JSON.stringify(json));
}

const decathlon = goldenPath("tools", "conversion", "msd_4d", "in");
