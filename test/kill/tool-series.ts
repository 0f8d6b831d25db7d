import { cpSync, readdirSync } from "node:fs";
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
  ];
}

const decathlon = goldenPath("tools", "conversion", "msd_4d", "in");
