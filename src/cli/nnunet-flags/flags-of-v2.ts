import { type FlagMeaning, on, one, part, several, without } from "./flag-meaning.js";

const allCores = "all cores are used";
const processes = without(one("-np", null), allCores);
const quiet: readonly FlagMeaning[] = [
  without(on("--verbose", null), "progress goes to stderr"),
  without(on("--no_pbar", null), "progress is shown as plain lines unless stderr is a terminal"),
];
const rules = [one("-plans_json", "plans-json"), one("-dataset_json", "dataset-json")];
const scored = [one("gt_folder", 0), one("pred_folder", 1)];
const extractor = without(one("-fpe", null), "there is one way to measure");
const integrity = without(
  on("--verify_dataset_integrity", null),
  "`build_processor dataset verify` lists every fault first",
);
const planning: readonly FlagMeaning[] = [
  one("-pl", "planner"),
  one("-gpu_memory_target", "gpu-memory"),
  one("-preprocessor_name", "preprocessor"),
  several("-overwrite_target_spacing", "target-spacing"),
  one("-overwrite_plans_name", "plans"),
];
const predicting: readonly FlagMeaning[] = [
  one("-i", "input"),
  one("-o", "output"),
  several("-f", "folds"),
  one("-step_size", "step-size"),
  on("--disable_tta", "disable-tta"),
  without(on("--verbose", null), "progress goes to stderr"),
  on("--save_probabilities", "save-probabilities"),
  on("--continue_prediction/--c", "continue"),
  one("-chk", "checkpoint"),
  without(one("-npp", null), allCores),
  without(one("-nps", null), allCores),
  one("-prev_stage_predictions", "prev-stage-predictions"),
  one("-device", "device"),
  without(on("--disable_progress_bar", null), "progress is shown as plain lines unless stderr is a terminal"),
  without(
    on("--not_on_device", null),
    "what does not fit into the GPU is kept outside it without being asked",
  ),
];
const parts = "--input takes several files; give each run its own";

/** The options of every command that nnunetv2 2.8.1 installs. */
export const flagsOfV2: Readonly<Record<string, readonly FlagMeaning[]>> = {
  nnUNetv2_accumulate_crossval_results: [
    one("dataset_name_or_id", 0),
    one("-c", "configuration"),
    one("-o", "output"),
    several("-f", "folds"),
    one("-p", "plans"),
    one("-tr", "trainer"),
  ],
  nnUNetv2_apply_postprocessing: [
    one("-i", "input"),
    one("-o", "output"),
    one("-pp_pkl_file", "post-processing"),
    processes,
    ...rules,
  ],
  nnUNetv2_convert_MSD_dataset: [one("-i", 0), one("-overwrite_id", "id"), one("-np", "workers")],
  nnUNetv2_convert_old_nnUNet_dataset: [one("input_folder", 0), one("output_dataset_name", "name")],
  nnUNetv2_determine_postprocessing: [
    one("-i", "input"),
    one("-ref", "references"),
    ...rules,
    processes,
    on("--remove_postprocessed", "remove-postprocessed"),
  ],
  nnUNetv2_download_pretrained_model_by_url: [one("url", 0)],
  nnUNetv2_ensemble: [
    several("-i", "input"),
    one("-o", "output"),
    processes,
    on("--save_npz", "save-probabilities"),
  ],
  nnUNetv2_evaluate_folder: [
    ...scored,
    one("-djfile", "dataset-json"),
    one("-pfile", "plans-json"),
    one("-o", "output"),
    processes,
    on("--chill", "chill"),
  ],
  nnUNetv2_evaluate_simple: [
    ...scored,
    several("-l", "labels"),
    one("-il", "ignore-label"),
    one("-o", "output"),
    processes,
    on("--chill", "chill"),
  ],
  nnUNetv2_export_model_to_zip: [
    one("-d", 0),
    one("-o", "output"),
    several("-c", "configurations"),
    one("-tr", "trainer"),
    one("-p", "plans"),
    several("-f", "folds"),
    several("-chk", "checkpoint"),
    without(
      on("--not_strict", null),
      "it changes nothing in nnU-Net either: every configuration must be there",
    ),
    on("--exp_cv_preds", "with-predictions"),
  ],
  nnUNetv2_extract_fingerprint: [
    several("-d", 0),
    extractor,
    one("-np", "workers"),
    integrity,
    on("--clean", "clean"),
    ...quiet,
  ],
  nnUNetv2_find_best_configuration: [
    one("dataset_name_or_id", 0),
    several("-p", "plans"),
    several("-c", "configurations"),
    several("-tr", "trainer"),
    processes,
    several("-f", "folds"),
    on("--disable_ensembling", "no-ensembles"),
    on("--no_overwrite", "keep-existing"),
  ],
  nnUNetv2_install_pretrained_model_from_zip: [one("zip", 0)],
  nnUNetv2_move_plans_between_datasets: [
    one("-s", 0),
    one("-t", 1),
    one("-sp", "plans"),
    one("-tp", "new-name"),
  ],
  nnUNetv2_plan_and_preprocess: [
    several("-d", 0),
    extractor,
    one("-npfp", "workers", { only: "fingerprint" }),
    integrity,
    on("--no_pp", null, { skips: "preprocess" }),
    on("--clean", "clean"),
    ...planning,
    several("-c", "configuration", { only: "preprocess" }),
    several("-np", "workers", { only: "preprocess" }),
    ...quiet,
  ],
  nnUNetv2_plan_experiment: [several("-d", 0), ...planning],
  nnUNetv2_plot_overlay_pngs: [
    one("-d", 0),
    one("-o", "output"),
    processes,
    one("-channel_idx", "channel"),
    on("--use_raw", null, { leavesOut: "preprocessed" }),
    one("-p", "plans"),
    one("-c", "configuration"),
    one("-overlay_intensity", "intensity"),
  ],
  nnUNetv2_predict: [
    ...predicting.map((flag) => ({ ...flag, names: flag.names.filter((name) => name !== "--c") })),
    one("-d", part("dataset")),
    one("-p", part("plans")),
    one("-tr", part("trainer")),
    one("-c", part("configuration")),
    without(one("-num_parts", null), parts),
    without(one("-part_id", null), parts),
  ],
  nnUNetv2_predict_from_modelfolder: [...predicting, one("-m", "model-dir")],
  nnUNetv2_preprocess: [
    several("-d", 0),
    one("-plans_name", "plans"),
    several("-c", "configuration"),
    several("-np", "workers"),
    ...quiet,
  ],
  nnUNetv2_train: [
    one("dataset_name_or_id", 0),
    one("configuration", 1),
    one("fold", "folds"),
    one("-tr", "trainer"),
    one("-p", "plans"),
    one("-pretrained_weights", "pretrained-weights"),
    one("-num_gpus", "gpus-per-fold"),
    on("--npz", "save-probabilities"),
    without(on("--c", null), "a stopped training goes on by itself; --restart starts it again"),
    without(on("--val", null), "what is trained but not validated is validated by itself"),
    without(on("--val_best", null), "the final checkpoint is validated"),
    without(on("--disable_checkpointing", null), "checkpoints are needed to go on after a stop"),
    one("-device", "device"),
  ],
};
