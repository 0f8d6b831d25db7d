import { join } from "node:path";
import type { LabelDefinition } from "../../../processor/contract/manifest.js";
import type { Field } from "../../checkpoint/fields.js";
import { readLabels } from "../../checkpoint/nnunet-v2/label-definition.js";
import { readJsonFile } from "../../checkpoint/read-json-file.js";
import { type EvaluatedLabels, labelsOfDataset } from "../evaluation/evaluated-label.js";

/** What plans.json and dataset.json say about the segmentations of a folder. */
export interface LabelRules {
  readonly definition: LabelDefinition;
  /** The number of output channels of the networks. */
  readonly heads: number;
  readonly evaluated: EvaluatedLabels;
  /** `.nii.gz` */
  readonly fileEnding: string;
  /** nnU-Net's reader class; null if no plans say it. */
  readonly imageReader: string | null;
  readonly datasetName: string | null;
  /** The names of the plans' configurations. */
  readonly configurations: readonly string[];
}

/**
 * Reads `dataset.json` and `plans.json` of a folder with a model or with predictions.
 *
 * @throws MODEL_FILE_INVALID
 */
export async function readLabelRules(folder: string): Promise<LabelRules> {
  return readLabelRulesOf({
    datasetJson: join(folder, "dataset.json"),
    plansJson: join(folder, "plans.json"),
  });
}

/**
 * Does the same for two files.
 *
 * @param files plansJson is null if there are no plans; then the file ending decides how images are read
 */
export async function readLabelRulesOf(files: {
  readonly datasetJson: string;
  readonly plansJson: string | null;
}): Promise<LabelRules> {
  const dataset = await readJsonFile(files.datasetJson);
  const plans = files.plansJson === null ? null : await readJsonFile(files.plansJson);
  return labelRules(dataset, plans);
}

export function labelRules(dataset: Field, plans: Field | null): LabelRules {
  const { definition, heads } = readLabels(dataset);
  const reader = plans?.get("image_reader_writer");
  const name = plans?.get("dataset_name");
  return {
    definition,
    heads,
    evaluated: labelsOfDataset(dataset),
    fileEnding: dataset.get("file_ending").string(),
    imageReader: reader?.isString === true ? reader.string() : null,
    datasetName: name?.isString === true ? name.string() : null,
    configurations: plans === null ? [] : configurationNames(plans),
  };
}

/** nnU-Net adds the cascade's second stage to the plans of a low resolution by itself. */
const configurationNames = (plans: Field): readonly string[] => plans.get("configurations").keys();
