import { nearest } from "../../processor/contract/nearest-name.js";

/** A command of nnU-Net, and what does the same here. */
export interface NnunetName {
  readonly name: string;
  /** What it does, in a few words. */
  readonly does: string;
  /** The command line here; null if there is none. */
  readonly here: string | null;
  /** Differences that its users should know; what to do instead if there is no counterpart. */
  readonly note: string | null;
}

const row = (name: string, does: string, here: string | null, note: string | null = null): NnunetName => ({
  name,
  does,
  here,
  note,
});

/** Every command that nnunetv2 2.8.1 installs. */
export const namesOfV2: readonly NnunetName[] = [
  row("nnUNetv2_accumulate_crossval_results", "collects and scores the folds' validation", "accumulate"),
  row("nnUNetv2_apply_postprocessing", "applies postprocessing.pkl to a folder", "postprocess apply"),
  row("nnUNetv2_convert_MSD_dataset", "converts a Medical Decathlon folder", "dataset convert"),
  row("nnUNetv2_convert_old_nnUNet_dataset", "converts a v1 task", "dataset convert"),
  row(
    "nnUNetv2_determine_postprocessing",
    "decides which largest components to keep",
    "postprocess determine",
  ),
  row(
    "nnUNetv2_download_pretrained_model_by_url",
    "downloads and installs a model",
    "import-model",
    "Give it the address.",
  ),
  row("nnUNetv2_ensemble", "averages probabilities", "ensemble"),
  row(
    "nnUNetv2_evaluate_folder",
    "scores predictions",
    "evaluate",
    "The plans are not needed. --surface-distances, --csv and --html are new.",
  ),
  row("nnUNetv2_evaluate_simple", "scores predictions with a list of labels", "evaluate", "With --labels."),
  row("nnUNetv2_export_model_to_zip", "packs trained models", "export-model"),
  row("nnUNetv2_extract_fingerprint", "measures a data set", "fingerprint"),
  row(
    "nnUNetv2_find_best_configuration",
    "compares models and averages of two",
    "find-best",
    "--write-config makes the config.json of an image.",
  ),
  row("nnUNetv2_install_pretrained_model_from_zip", "unpacks a model", "import-model"),
  row("nnUNetv2_move_plans_between_datasets", "copies plans to another data set", "move-plans"),
  row(
    "nnUNetv2_plan_and_preprocess",
    "measures, plans and preprocesses",
    "fingerprint, plan, preprocess",
    "Three commands, each of which takes several data sets.",
  ),
  row("nnUNetv2_plan_experiment", "plans", "plan", "`plan explain` gives the reasons."),
  row(
    "nnUNetv2_plot_overlay_pngs",
    "draws labels over images",
    "plot-overlays",
    "Draws the raw images; --preprocessed draws what nnU-Net draws without --use_raw.",
  ),
  row("nnUNetv2_predict", "segments images", "predict", "Models are named by their folder: --model-dir."),
  row("nnUNetv2_predict_from_modelfolder", "segments images with a model's folder", "predict"),
  row("nnUNetv2_preprocess", "preprocesses", "preprocess"),
  row(
    "nnUNetv2_train",
    "trains one fold",
    "train",
    "Runs nnU-Net's own program for several folds, continues what was stopped, and shows progress.",
  ),
];

/** Every command that nnunet 1.7.1 installs. */
export const namesOfV1: readonly NnunetName[] = [
  row(
    "nnUNet_change_trainer_class",
    "renames the trainer of a model",
    "change-trainer",
    "A build does not need it: any trainer is converted.",
  ),
  row(
    "nnUNet_convert_decathlon_task",
    "converts a Medical Decathlon folder",
    "dataset convert",
    "--nnunet v1",
  ),
  row(
    "nnUNet_determine_postprocessing",
    "decides which components to keep",
    "postprocess determine",
    "--nnunet v1; --input names the model's folder",
  ),
  row(
    "nnUNet_download_pretrained_model",
    "downloads a model by its name",
    "models download",
    "A build can take it directly: --download-pretrained.",
  ),
  row("nnUNet_download_pretrained_model_by_url", "downloads a model", "import-model", "--nnunet v1"),
  row("nnUNet_ensemble", "averages probabilities", "ensemble", "--nnunet v1"),
  row("nnUNet_evaluate_folder", "scores predictions", "evaluate", "--nnunet v1 --labels 1 2"),
  row("nnUNet_export_model_to_zip", "packs trained models", "export-model", "--nnunet v1"),
  row(
    "nnUNet_find_best_configuration",
    "compares models",
    "find-best",
    "--nnunet v1; --write-config makes the config.json of an image.",
  ),
  row("nnUNet_install_pretrained_model_from_zip", "unpacks a model", "import-model", "--nnunet v1"),
  row(
    "nnUNet_plan_and_preprocess",
    "plans and preprocesses tasks",
    "plan, preprocess",
    "--nnunet v1; plan also measures, because v1 has no fingerprint of its own.",
  ),
  row(
    "nnUNet_plot_task_pngs",
    "draws labels over images",
    "dataset convert, plot-overlays",
    "Convert the task into a data set of v2 first.",
  ),
  row("nnUNet_predict", "segments images", "predict", "A cascade's first stage runs by itself."),
  row("nnUNet_print_available_pretrained_models", "lists pretrained models", "models"),
  row("nnUNet_print_pretrained_model_info", "describes a pretrained model", "models info"),
  row(
    "nnUNet_train",
    "trains one fold",
    "train",
    "--nnunet v1; runs nnU-Net's own program for several folds.",
  ),
  row("nnUNet_train_DDP", "trains on several GPUs", "train", "--nnunet v1 --gpus-per-fold 2 --parallel ddp"),
  row("nnUNet_train_DP", "trains on several GPUs", "train", "--nnunet v1 --gpus-per-fold 2"),
];

/** Returns the row of a command of nnU-Net; null for any other word. */
export const findNnunetName = (word: string): NnunetName | null =>
  [...namesOfV2, ...namesOfV1].find(({ name }) => name === word) ?? null;

/** Returns what to say to somebody who types a command of nnU-Net. */
export function answerToNnunetName({ name, does, here, note }: NnunetName): string {
  const counterpart =
    here === null
      ? "has no counterpart here."
      : `is ${here
          .split(", ")
          .map((command) => `\`build_processor ${command}\``)
          .join(", then ")} here.`;
  return `${name} ${does}; it ${counterpart}${note === null ? "" : ` ${note}`}`;
}

/** Returns what to say to somebody who misspells a command of nnU-Net. */
export function unknownNnunetName(word: string): string {
  const names = [...namesOfV2, ...namesOfV1].map(({ name }) => name);
  const near = nearest(word, names);
  return `nnU-Net has no command ${word}${near === null ? "" : `; did you mean ${near}?`}`;
}
