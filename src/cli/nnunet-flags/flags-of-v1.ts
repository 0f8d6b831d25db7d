import { type FlagMeaning, on, one, part, several, without } from "./flag-meaning.js";

const allCores = "all cores are used";
const ownChoice = "nnU-Net's own default is kept";
const integrity = without(
  on("--verify_dataset_integrity", null),
  "`build_processor dataset verify --nnunet v1` lists every fault first",
);
const training: readonly FlagMeaning[] = [
  one("network", 1),
  one("network_trainer", "trainer"),
  one("task", 0),
  one("fold", "folds"),
  without(on("-val/--validation_only", null), "what is trained but not validated is validated by itself"),
  without(
    on("-c/--continue_training", null),
    "a stopped training goes on by itself; --restart starts it again",
  ),
  one("-p", "plans"),
  on("--npz", "save-probabilities"),
  one("-pretrained_weights", "pretrained-weights"),
  ...["--use_compressed_data", "--deterministic", "--find_lr", "--valbest", "--fp32", "--disable_saving"].map(
    (name) => without(on(name, null), ownChoice),
  ),
  without(on("--disable_postprocessing_on_folds", null), ownChoice),
  without(one("--val_folder", null), ownChoice),
];
const batchDice = without(on("--dbs", null), ownChoice);
const modelOf = {
  trainer: part("trainer"),
  plans: part("plans"),
  dataset: part("dataset"),
  configuration: part("configuration"),
};
const parts = "--input takes several files; give each run its own";

/** The options of every command that nnunet 1.7.1 installs. */
export const flagsOfV1: Readonly<Record<string, readonly FlagMeaning[]>> = {
  nnUNet_convert_decathlon_task: [one("-i", 0), one("-p", "workers"), one("-output_task_id", "id")],
  nnUNet_plan_and_preprocess: [
    several("-t/--task_ids", 0),
    without(one("-pl3d/--planner3d", null), "both planners run; --planner chooses one of them"),
    without(one("-pl2d/--planner2d", null), "both planners run; --planner chooses one of them"),
    on("-no_pp", null, { skips: "preprocess" }),
    without(one("-tl", null), "--workers is one number for all configurations"),
    one("-tf", "workers"),
    integrity,
    without(one("-overwrite_plans", null), "plans of another task are not taken over for v1"),
    without(one("-overwrite_plans_identifier", null), "plans of another task are not taken over for v1"),
  ],
  nnUNet_train: [
    ...training,
    ...["--disable_validation_inference", "--val_disable_overwrite", "--disable_next_stage_pred"].map(
      (name) => without(on(name, null), ownChoice),
    ),
  ],
  nnUNet_train_DP: [...training, one("-gpus", "gpus-per-fold"), batchDice],
  nnUNet_train_DDP: [
    ...training,
    without(one("--local_rank", null), "torch's launcher gives it to each process"),
    batchDice,
  ],
  nnUNet_predict: [
    one("-i/--input_folder", "input"),
    one("-o/--output_folder", "output"),
    one("-t/--task_name", modelOf.dataset),
    one("-tr/--trainer_class_name", modelOf.trainer),
    one("-ctr/--cascade_trainer_class_name", part("cascadeTrainer")),
    one("-m/--model", modelOf.configuration),
    one("-p/--plans_identifier", modelOf.plans),
    several("-f/--folds", "folds"),
    on("-z/--save_npz", "save-probabilities"),
    one("-l/--lowres_segmentations", "prev-stage-predictions"),
    without(one("--part_id", null), parts),
    without(one("--num_parts", null), parts),
    without(one("--num_threads_preprocessing", null), allCores),
    without(one("--num_threads_nifti_save", null), allCores),
    on("--disable_tta", "disable-tta"),
    on("--overwrite_existing", "overwrite"),
    one("--mode", "mode"),
    without(
      one("--all_in_gpu", null),
      "what does not fit into the GPU is kept outside it without being asked",
    ),
    one("--step_size", "step-size"),
    one("-chk", "checkpoint"),
    on("--disable_mixed_precision", "precision", { value: "float32" }),
  ],
  nnUNet_ensemble: [
    several("-f/--folders", "input"),
    one("-o/--output_folder", "output"),
    without(one("-t/--threads", null), allCores),
    one("-pp/--postprocessing_file", "post-processing"),
    on("--npz", "save-probabilities"),
  ],
  nnUNet_find_best_configuration: [
    several("-m/--models", "configurations"),
    several("-t/--task_ids", 0),
    one("-tr", "trainer"),
    one("-ctr", "cascade-trainer"),
    one("-pl", "plans"),
    several("-f/--folds", "folds"),
    on("--disable_ensembling", "no-ensembles"),
    on("--disable_postprocessing", "no-postprocessing"),
  ],
  nnUNet_print_available_pretrained_models: [
    without(one("--export", null), "`build_processor models --json` prints the list for other programs"),
  ],
  nnUNet_print_pretrained_model_info: [one("task_name", 0)],
  nnUNet_download_pretrained_model: [one("task_name", 0)],
  nnUNet_download_pretrained_model_by_url: [one("url", 0)],
  nnUNet_determine_postprocessing: [
    one("-m", modelOf.configuration),
    one("-t", modelOf.dataset),
    one("-tr", modelOf.trainer),
    one("-pl", modelOf.plans),
    one("-val", "validation-folder"),
  ],
  nnUNet_export_model_to_zip: [
    one("-t", 0),
    one("-o", "output"),
    several("-m", "configurations"),
    one("-tr", "trainer"),
    one("-trc", "cascade-trainer"),
    one("-pl", "plans"),
    on("--disable_strict", "no-strict"),
    several("-f", "folds"),
  ],
  nnUNet_install_pretrained_model_from_zip: [one("zip", 0)],
  nnUNet_change_trainer_class: [one("-i", 0), one("-tr", "trainer")],
  nnUNet_evaluate_folder: [one("-ref", 0), one("-pred", 1), several("-l", "labels")],
  nnUNet_plot_task_pngs: [
    one("-t", 0),
    one("-o", "output"),
    without(one("-num_processes", null), allCores),
    one("-modality_idx", "channel"),
    without(on("--use_raw", null), "the raw images are always drawn"),
  ],
};
