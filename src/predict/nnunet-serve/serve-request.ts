import { type SettingChoices, settingChoices } from "../../../processor/contract/setting-choices.js";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import type { RefinementWishes } from "../../../processor/runtime/cases/refinement-wishes.js";
import { type JobWishes, jobWishes } from "./job-words.js";
import { choiceWord, requireOther, suffixWord } from "./option-words.js";
import type { ServeOptionName } from "./options.js";
import type { ServeWords } from "./parse-arguments.js";
import { refineWishes } from "./refine-words.js";

/** One case to segment as nnunet_serve's `predict` does. Paths are as the user wrote them. */
export interface ServeRequest {
  /** The channels of the case, in order. */
  readonly seriesPaths: readonly string[];
  readonly modelPath: string;
  readonly checkpointName: string;
  readonly folds: readonly string[];
  readonly outputDir: string;
  readonly suffix: string | null;
  readonly usesTta: boolean;
  readonly device: "auto" | "cpu" | "cuda";
  /** How DICOM series are read, with the words of the command line for it. */
  readonly reading: { readonly words: readonly string[]; readonly settings: SettingChoices };
  readonly temporaryFolder: string | null;
  /** Keeps converted models for later jobs; null to keep none. */
  readonly cacheFolder: string | null;
  readonly savesInputs: boolean;
  readonly refinement: RefinementWishes;
  readonly dicom: DicomWishes;
  readonly job: JobWishes;
  readonly dockerImage: string | null;
  /** True if an error is shown with its place in the program. */
  readonly isDebugging: boolean;
  readonly printsJson: boolean;
  /** Lines for the log about options without effect. */
  readonly notes: readonly string[];
}

/** The results in DICOM. */
export interface DicomWishes {
  /** True if input that is not DICOM is an error. */
  readonly isRequired: boolean;
  readonly metadataPath: string | null;
  readonly fractionalMetadataPath: string | null;
  readonly emptySegmentMetadata: string | null;
  readonly writesFractional: boolean;
  readonly fractionalAsSegments: boolean;
  readonly writesStructures: boolean;
}

/**
 * Completes a parsed command line with nnunet_serve's defaults.
 *
 * @param environment its variable SERIES_PATHS, paths between single spaces, replaces `-i`
 * @throws USAGE for a missing option, a value out of range, or an option that waits for another one
 */
export function serveRequest(
  words: ServeWords,
  environment: Readonly<Record<string, string | undefined>>,
): ServeRequest {
  const one = (name: ServeOptionName): string | null => words.get(name)?.[0] ?? null;
  const has = (name: ServeOptionName): boolean => words.has(name);
  const dicom = dicomWishes(words);
  const notes = notesOf(words, environment);
  return {
    seriesPaths: seriesPaths(words, environment),
    modelPath: needed(words, "model_path", "-m"),
    checkpointName: one("checkpoint_name") ?? "checkpoint_best.pth",
    folds: (words.get("folds") ?? ["0"]).map(foldName),
    outputDir: outputFolder(needed(words, "output_dir", "-o")),
    suffix: suffixWord(words),
    usesTta: has("tta"),
    device: choiceWord(words, "device", ["auto", "cpu", "cuda"]),
    reading: readingOf(words),
    temporaryFolder: one("tmp_dir"),
    cacheFolder: null,
    savesInputs: has("save_nifti_inputs"),
    refinement: refineWishes(words),
    dicom,
    job: jobWishes(words),
    dockerImage: one("docker_image"),
    isDebugging: has("debug"),
    printsJson: has("json"),
    notes,
  };
}

function seriesPaths(
  words: ServeWords,
  { SERIES_PATHS: variable = "" }: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  const ofVariable = variable.split(" ").filter((path) => path !== "");
  if (ofVariable.length > 0) return ofVariable;
  const ofOption = words.get("series_paths");
  if (ofOption !== undefined) return ofOption;
  throw sharedError("USAGE", "--series_paths (-i) is missing: the channels of one case");
}

function needed(words: ServeWords, name: ServeOptionName, short: string): string {
  const value = words.get(name)?.[0]?.trim() ?? "";
  if (value !== "") return value;
  throw sharedError("USAGE", `--${name} (${short}) is missing`);
}

/** Removes slashes at the end. The root folder stays. */
const outputFolder = (path: string): string => path.replace(/(?<=.)\/+$/, "");

function foldName(text: string): string {
  if (text === "all" || /^\d+$/.test(text)) return text === "all" ? text : String(Number(text));
  throw sharedError("USAGE", `--folds (-f): ${text} is not a number, nor all`);
}

/** The options for reading DICOM, by the flags of `predict`. */
const readingFlags: Readonly<Record<string, ServeOptionName>> = {
  series: "series_uid",
  "b-value": "b_value",
  "temporal-position": "temporal_position",
  "echo-number": "echo_number",
  "acquisition-number": "acquisition_number",
  "irregular-slices": "irregular_slices",
  "gantry-tilt": "gantry_tilt",
  monochrome1: "monochrome1",
};

function readingOf(words: ServeWords): ServeRequest["reading"] {
  const names = Object.values(readingFlags);
  const given = names.flatMap((name) => (words.get(name) ?? []).map((value) => [name, value] as const));
  const own = (flag: string): string => readingFlags[flag] ?? "";
  return {
    words: given.flatMap(([name, value]) => [`--${name}`, value]),
    settings: settingChoices(Object.fromEntries(given), "predict", {
      nameOf: own,
      shownName: (flag) => `--${own(flag)}`,
    }),
  };
}

function dicomWishes(words: ServeWords): DicomWishes {
  for (const name of ["fractional_as_segments", "fractional_metadata_path"] as const)
    requireOther(words, name, "proba_map");
  const one = (name: ServeOptionName): string | null => words.get(name)?.[0] ?? null;
  return {
    isRequired: words.has("is_dicom"),
    metadataPath: one("metadata_path"),
    fractionalMetadataPath: one("fractional_metadata_path"),
    emptySegmentMetadata: one("empty_segment_metadata"),
    writesFractional: words.has("proba_map") && words.has("class_idx"),
    fractionalAsSegments: words.has("fractional_as_segments"),
    writesStructures: words.has("rt_struct_output"),
  };
}

function notesOf(
  words: ServeWords,
  { SERIES_PATHS: variable = "" }: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  return [
    ...(variable.trim() !== "" && words.has("series_paths")
      ? ["the variable SERIES_PATHS replaces --series_paths (-i)"]
      : []),
    ...(words.has("study_uid") ? ["--study_uid has no effect: no file is named after it"] : []),
    ...(words.has("proba_map") && !words.has("class_idx")
      ? ["--proba_map: no fractional DICOM-SEG, which shows one class and waits for --class_idx"]
      : []),
  ];
}
