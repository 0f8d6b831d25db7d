import { sharedError } from "../../processor/contract/shared-errors.js";

export interface KnownOptions {
  /** The option names of the command, without dashes. */
  readonly names: readonly string[];
  /** The single-letter options of the command, without dashes. */
  readonly letters: readonly string[];
}

/**
 * Replaces options of nnU-Net's programs (`--disable_tta`, `-chk`, `-step_size`) and of nnunet_serve (`--model_path`) by their counterparts here. For those
 * without one, the message says what to do instead. (yargs would read `-chk` as three letters, one of them `-h`.)
 *
 * @throws USAGE
 */
export function ownFlags(argv: readonly string[], known: KnownOptions): readonly string[] {
  const end = argv.indexOf("--");
  const flags = argv.slice(0, end < 0 ? argv.length : end);
  return [...flags.map((word) => ownFlag(word, known)), ...argv.slice(flags.length)];
}

function ownFlag(word: string, known: KnownOptions): string {
  const [, dashes = "", name = "", value = ""] = /^(--?)([A-Za-z][\w-]*)(=[\s\S]*)?$/.exec(word) ?? [];
  if (name === "" || known.names.includes(name) || (name.length === 1 && known.letters.includes(name)))
    return name.length > 1 && dashes === "-" ? `--${name}${value}` : word;
  const found = Object.hasOwn(counterparts, name) ? [counterparts[name]!].flat() : [];
  const counterpart = found.find((option) => isKnown(option, known)) ?? found[0];
  const own = counterpart ?? name.replaceAll("_", "-");
  if (own !== name && isKnown(own, known)) return `--${own}${value}`;
  if (dashes === "-" && own.length > 1 && known.names.includes(own)) return `--${own}${value}`;
  const advice = advices.find(({ words }) => words.includes(`${dashes}${name}`));
  if (advice?.needs.every((option) => known.names.includes(option)))
    throw sharedError("USAGE", `no option ${dashes}${name}: ${advice.instead}`);
  return word;
}

const isKnown = (name: string, { names }: KnownOptions): boolean =>
  names.includes(name) || names.includes(name.replace(/^no-/, ""));

/** Options of nnU-Net and of nnunet_serve that have another name here. */
const counterparts: Readonly<Record<string, string | readonly string[]>> = {
  chk: "checkpoint",
  continue_prediction: "continue",
  overwrite_existing: "overwrite",
  save_npz: "save-probabilities",
  npz: "save-probabilities",
  djfile: "dataset-json",
  pfile: "plans-json",
  il: "ignore-label",
  tr: "trainer",
  exp_cv_preds: "with-predictions",
  channel_idx: "channel",
  overlay_intensity: "intensity",
  sp: "plans",
  tp: "new-name",
  ref: "references",
  pp_pkl_file: "post-processing",
  plans_json: "plans-json",
  dataset_json: "dataset-json",
  disable_ensembling: "no-ensembles",
  no_overwrite: "keep-existing",
  input_folder: "input",
  folders: "input",
  output_folder: "output",
  model_folder: "model-dir",
  // v1
  f: "input",
  m: "configurations",
  models: "configurations",
  ctr: "cascade-trainer",
  trc: "cascade-trainer",
  disable_postprocessing: "no-postprocessing",
  postprocessing_file: "post-processing",
  pp: "post-processing",
  val: "validation-folder",
  disable_strict: "no-strict",
  not_strict: "no-strict",
  // planning and preprocessing
  pl: ["planner", "plans"],
  gpu_memory_target: "gpu-memory",
  overwrite_target_spacing: "target-spacing",
  overwrite_plans_name: "plans",
  plans_name: "plans",
  preprocessor_name: "preprocessor",
  np: "workers",
  npfp: "workers",
  t: "dataset",
  task_ids: "dataset",
  // nnunet_serve's
  series_paths: "input",
  model_path: "model-dir",
  checkpoint_name: "checkpoint",
  output_dir: "output",
  metadata_path: "dicom-metadata",
  rt_struct_output: "rt-structure-set",
  series_uid: "series",
  tta: "use-tta",
  "no-tta": "no-use-tta",
};

/** Short names of nnunet_serve's own command, which mean something else here. */
const onlyOfServe: readonly string[] = ["-ckpt", "-M", "-S", "-s"];

/** Common options without a counterpart; the advice names the options in `needs`, which the command must have. */
const advices: readonly {
  readonly words: readonly string[];
  readonly needs: readonly string[];
  readonly instead: string;
}[] = [
  {
    words: ["-m"],
    needs: ["model-dir"],
    instead: "--model-dir takes the model's folder, --configuration (-c) the name of its configuration",
  },
  { words: ["-t", "-ta"], needs: ["task"], instead: "--task (-d) takes the task's number or name" },
  {
    words: ["-tr", "-p"],
    needs: ["model-dir"],
    instead:
      "trainer and plans are chosen by the folder that --model-dir names, …/Trainer__Plans__configuration",
  },
  {
    words: ["-npp", "-nps", "--num_threads_preprocessing", "--num_threads_nifti_save"],
    needs: ["model-dir"],
    instead: "reading and writing run in parallel automatically, on all cores",
  },
  {
    words: ["-num_parts", "-part_id", "--num_parts", "--part_id"],
    needs: ["input"],
    instead: "--input (-i) takes several files; give each run its own",
  },
  {
    words: ["-D"],
    needs: ["input", "model-dir"],
    instead: "DICOM is recognised without it",
  },
  {
    words: onlyOfServe,
    needs: ["input", "model-dir"],
    instead: "`build_processor predict-nnunet-serve` has it, with the other options of nnunet_serve",
  },
  {
    words: ["-v", "--verbose", "--disable_progress_bar", "-q", "--quiet"],
    needs: [],
    instead:
      "progress goes to stderr, as plain lines unless that is a terminal; --version prints the version",
  },
];
