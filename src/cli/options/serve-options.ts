import type { Options } from "yargs";
import { type ServeOptionName, serveOptions } from "../../predict/nnunet-serve/options.js";
import type { ServeWords } from "../../predict/nnunet-serve/parse-arguments.js";
import { outputGroup } from "./output-options.js";

const partsGroup = "Parts:";
const jobGroup = "Job:";

/** The options of nnunet_serve that `predict` has with the same meaning, for any number of cases. */
const names = {
  class_idx: partsGroup,
  proba_threshold: partsGroup,
  min_confidence: partsGroup,
  remove_objects_smaller_than: partsGroup,
  intersect_with: partsGroup,
  min_intersection: partsGroup,
  crop_from: partsGroup,
  crop_padding: partsGroup,
  is_dicom: outputGroup,
  proba_map: outputGroup,
  fractional_as_segments: outputGroup,
  fractional_metadata_path: outputGroup,
  empty_segment_metadata: outputGroup,
  save_nifti_inputs: outputGroup,
  suffix: outputGroup,
  study_uid: jobGroup,
  job_id: jobGroup,
  update_url: jobGroup,
  update_encoding: jobGroup,
  success_message: jobGroup,
  failure_message: jobGroup,
  log_file: jobGroup,
  tmp_dir: jobGroup,
  debug: jobGroup,
} as const satisfies Partial<Record<ServeOptionName, string>>;

type Name = keyof typeof names;
const dashed = (name: string): string => name.replaceAll("_", "-");

/** Help that is different for many cases. */
const describedHere: Partial<Record<Name, string>> = {
  class_idx: "segment the candidates of class K, with the value 1, and write <case>_probabilities.nii.gz",
  is_dicom: "require DICOM input, which is recognised without this option too",
  proba_map: "for DICOM input: also write a fractional DICOM-SEG, as --dicom-seg binary,fractional",
  intersect_with: "remove parts that do not overlap this mask; or a folder with a mask for each case",
  crop_from: "segment only the box around this mask; or a folder with a mask for each case",
  save_nifti_inputs: "also write the channels as they were read, <case>_volume_0000.nii.gz",
  fractional_metadata_path: "metadata of the fractional DICOM-SEG (default: --dicom-metadata)",
};

const entries = serveOptions.filter((option) => Object.hasOwn(names, option.name)).map(optionOf);

function optionOf({ name, takes, describe }: (typeof serveOptions)[number]): [string, Options] {
  const group = names[name as Name];
  const text = (describedHere[name as Name] ?? describe).replaceAll(/--[a-z_]+/g, dashed);
  return [
    dashed(name),
    takes === "nothing"
      ? { group, type: "boolean", default: false, describe: text }
      : { group, type: "string", requiresArg: true, array: takes === "many", describe: text },
  ];
}

/** For yargs, as its words; `serveWordsOf` reads them. */
export const serveOptionsOfPredict: Readonly<Record<string, Options>> = Object.fromEntries(entries);

/** Returns whether an option is about the job, not about the cases. */
export const isOfJob = (name: ServeOptionName): boolean =>
  Object.hasOwn(names, name) && names[name as Name] === jobGroup && name !== "tmp_dir";

/** Returns the words that yargs found after these options. */
export function serveWordsOf(args: Readonly<Record<string, unknown>>): ServeWords {
  const words = new Map<ServeOptionName, readonly string[]>();
  for (const name of Object.keys(names) as Name[]) {
    const value = args[dashed(name)];
    if (value === undefined || value === false) continue;
    words.set(name, value === true ? [] : [value].flat().map(String));
  }
  return words;
}
