import type { Xyz } from "../../../processor/contract/axes.js";
import { type SettingChoices, settingChoices } from "../../../processor/contract/setting-choices.js";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import type { ServeOptionName } from "./options.js";
import type { ServeWords } from "./parse-arguments.js";

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
  /** Null to keep every label. */
  readonly candidates: ServeCandidates | null;
  readonly reference: { readonly path: string; readonly minIntersection: number } | null;
  /** Null to segment the whole image. */
  readonly crop: { readonly path: string; readonly marginXyz: Xyz } | null;
  readonly dicom: DicomWishes;
  readonly job: JobWishes;
  readonly dockerImage: string | null;
  /** True if an error is shown with its place in the program. */
  readonly isDebugging: boolean;
  readonly printsJson: boolean;
  /** Lines for the log about options without effect. */
  readonly notes: readonly string[];
}

export interface ServeCandidates {
  readonly classIndex: number;
  readonly threshold: number;
  readonly minConfidence: number | null;
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

/** Where the end of the job is reported, and in which words. */
export interface JobWishes {
  readonly jobId: string | null;
  /** Null to send nothing. */
  readonly updateUrl: string | null;
  readonly encoding: "json" | "form";
  readonly successMessage: string;
  readonly failureMessage: string;
  readonly logFile: string | null;
}

/** The values that hold unless an option changes them. */
const usual = { threshold: 0.1, minIntersection: 0.1, cropPadding: ["10", "10", "10"] } as const;

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
  const candidates = candidatesOf(words);
  const dicom = dicomWishes(words);
  const notes = notesOf(words, environment);
  return {
    seriesPaths: seriesPaths(words, environment),
    modelPath: needed(words, "model_path", "-m"),
    checkpointName: one("checkpoint_name") ?? "checkpoint_best.pth",
    folds: (words.get("folds") ?? ["0"]).map(foldName),
    outputDir: outputFolder(needed(words, "output_dir", "-o")),
    suffix: suffixOf(one("suffix")),
    usesTta: has("tta"),
    device: choice(words, "device", ["auto", "cpu", "cuda"]),
    reading: readingOf(words),
    temporaryFolder: one("tmp_dir"),
    cacheFolder: null,
    savesInputs: has("save_nifti_inputs"),
    candidates,
    reference: referenceOf(words),
    crop: cropOf(words),
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

/** The name of a file must not leave its folder. */
function suffixOf(text: string | null): string | null {
  if (text === null || /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/.test(text)) return text;
  throw sharedError(
    "USAGE",
    `--suffix ${text}: only letters, digits, ".", "_" and "-" can be in it, and no dot at its start`,
  );
}

function candidatesOf(words: ServeWords): ServeCandidates | null {
  const index = words.get("class_idx")?.[0];
  if (index === undefined) {
    for (const name of ["proba_threshold", "min_confidence"] as const) requireOther(words, name, "class_idx");
    return null;
  }
  if (!/^\d{1,5}$/.test(index))
    throw sharedError("USAGE", `--class_idx must be the number of a class, but is ${index}`);
  return {
    classIndex: Number(index),
    threshold: share(words, "proba_threshold") ?? usual.threshold,
    minConfidence: share(words, "min_confidence"),
  };
}

function referenceOf(words: ServeWords): ServeRequest["reference"] {
  const path = words.get("intersect_with")?.[0];
  if (path !== undefined)
    return { path, minIntersection: share(words, "min_intersection") ?? usual.minIntersection };
  requireOther(words, "min_intersection", "intersect_with");
  return null;
}

function cropOf(words: ServeWords): ServeRequest["crop"] {
  requireOther(words, "crop_padding", "crop_from");
  const path = words.get("crop_from")?.[0];
  if (path === undefined) return null;
  if (!words.has("class_idx"))
    throw sharedError(
      "USAGE",
      "--crop_from needs --class_idx: the probabilities of all classes are written of whole images only",
    );
  const given = (words.get("crop_padding") ?? usual.cropPadding).map((word) => word.replace(/,$/, ""));
  const [x, y, z, ...others] = given.map(Number);
  if (!given.every((word) => /^\d{1,5}$/.test(word)) || z === undefined || others.length > 0)
    throw sharedError("USAGE", `--crop_padding must be three whole numbers, but is ${given.join(" ")}`);
  return { path, marginXyz: [x!, y!, z] };
}

/** @throws USAGE if an option is given without another one, without which it would have no effect */
function requireOther(words: ServeWords, name: ServeOptionName, other: ServeOptionName): void {
  if (words.has(name) && !words.has(other))
    throw sharedError("USAGE", `--${name} has no effect without --${other}`);
}

function share(words: ServeWords, name: ServeOptionName): number | null {
  const text = words.get(name)?.[0];
  if (text === undefined) return null;
  const value = Number(text);
  if (text.trim() !== "" && value >= 0 && value <= 1) return value;
  throw sharedError("USAGE", `--${name} must be a number from 0 to 1, but is ${text}`);
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

function jobWishes(words: ServeWords): JobWishes {
  const one = (name: ServeOptionName): string | null => words.get(name)?.[0] ?? null;
  const url = one("update_url");
  const updateUrl = url === "skip" || url === "" ? null : url;
  if (updateUrl !== null && !/^https?:$/.test(URL.canParse(updateUrl) ? new URL(updateUrl).protocol : ""))
    throw sharedError("USAGE", "--update_url must be an address that starts with https:// or http://");
  if (updateUrl === null) requireOther(words, "update_encoding", "update_url");
  return {
    jobId: one("job_id"),
    updateUrl,
    encoding: choice(words, "update_encoding", ["json", "form"]),
    successMessage: one("success_message") ?? "done",
    failureMessage: one("failure_message") ?? "failed",
    logFile: one("log_file"),
  };
}

/** Returns one of several words; the first is the default. */
function choice<const Word extends string>(
  words: ServeWords,
  name: ServeOptionName,
  allowed: readonly [Word, ...Word[]],
): Word {
  const text = words.get(name)?.[0] ?? allowed[0];
  const found = allowed.find((word) => word === text);
  if (found !== undefined) return found;
  throw sharedError("USAGE", `--${name} ${text}: it takes ${allowed.join(" or ")}`);
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
