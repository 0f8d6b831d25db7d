import type { PythonJson } from "../python-json.js";

/** What dataset.json of a task of nnU-Net v1 says. */
export interface TaskDescription {
  readonly name: string;
  readonly channelNames: readonly string[];
  readonly labels: readonly (readonly [name: string, value: number])[];
  /** The names of the training cases, sorted. */
  readonly training: readonly string[];
  readonly test: readonly string[];
}

/** Returns dataset.json as v1's `generate_dataset_json` writes it, which sorts the keys. */
export const generateTaskJson = ({
  name,
  channelNames,
  labels,
  training,
  test,
}: TaskDescription): PythonJson => ({
  name,
  description: "",
  tensorImageSize: "4D",
  reference: "",
  licence: "hands off!",
  release: "0.0",
  modality: new Map(channelNames.map((channel, i) => [String(i), channel])),
  labels: new Map(labels.map(([label, value]) => [String(value), label])),
  numTraining: training.length,
  numTest: test.length,
  training: training.map((id) => ({ image: `./imagesTr/${id}.nii.gz`, label: `./labelsTr/${id}.nii.gz` })),
  test: test.map((id) => `./imagesTs/${id}.nii.gz`),
});
