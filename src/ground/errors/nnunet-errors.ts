import { defineErrors } from "../../../processor/contract/errors.js";

/** The errors of the commands that do what nnU-Net's own commands do: data sets, plans, preprocessing, evaluation. */
export const nnunetError = defineErrors({
  NNUNET_FOLDER_UNSET: {
    exit: 2,
    http: 400,
    help: "Set the variable to the folder, for example `export nnUNet_raw=/data/nnUNet_raw`, as for nnU-Net itself.",
  },
  DATASET_NOT_FOUND: {
    exit: 4,
    http: 404,
    help: "Pass a data set's number, its whole name such as Dataset004_Liver, or the path of its folder.",
  },
  DATASET_AMBIGUOUS: {
    exit: 4,
    http: 409,
    help: "Pass the whole name of the data set, or rename one of them: each number may have only one name.",
  },
  DATASET_INVALID: {
    exit: 4,
    http: 422,
    help: "`build_processor dataset verify` lists every fault of a data set at once, with what to do about it.",
  },
  DATASET_CHANGED: {
    exit: 4,
    http: 409,
    help: "Compute the fingerprint, the plans and the preprocessed data again. `build_processor fingerprint … --clean` computes the fingerprint.",
  },
  DATASET_FAULTY: {
    exit: 4,
    http: 422,
    help: "The lines above name every fault and what to do about it.",
  },
  FINGERPRINT_MISSING: {
    exit: 4,
    http: 404,
    help: "Run `build_processor fingerprint` with the same data set first.",
  },
  PLANS_MISSING: {
    exit: 3,
    http: 404,
    help: "Run `build_processor plan` with the same data set first. --plans names other plans.",
  },
  PLAN_IMPOSSIBLE: {
    exit: 3,
    http: 422,
    help: "Check the spacings and sizes that the message names; `build_processor dataset show` lists those of all cases.",
  },
  PREDICTION_MISSING: {
    exit: 2,
    http: 400,
    help: "Predict the missing cases, or score only the present ones. --chill does the latter.",
  },
  REFERENCE_MISSING: {
    exit: 2,
    http: 400,
    help: "Put the reference next to the others under the prediction's file name, or move the prediction away.",
  },
  LABELS_UNKNOWN: {
    exit: 2,
    http: 400,
    help: "Copy dataset.json next to the predictions. --dataset-json names it, or --labels lists the labels to score.",
  },
  PROBABILITIES_INVALID: {
    exit: 4,
    http: 422,
    help: "Predict or validate again with nnU-Net or this program, and save the probabilities of every model for the same labels.",
  },
  PROBABILITIES_MISSING: {
    exit: 4,
    http: 404,
    help: "Validate each model again and save the probabilities, which nnUNetv2_train does with its options val and npz. --no-ensembles compares single models only.",
  },
  CASE_TWICE: {
    exit: 4,
    http: 409,
    help: "Each case belongs to one fold: remove the validation of a fold that was trained with another split, and validate again.",
  },
  NO_BEST_MODEL: {
    exit: 4,
    http: 422,
    help: "Models can only be compared with references that have every label. Choose configurations that the plans have.",
  },
  NOT_PREPROCESSED: {
    exit: 4,
    http: 404,
    help: "Plan and preprocess the data set first: `build_processor fingerprint`, `build_processor plan` and `build_processor preprocess`, or nnUNetv2_plan_and_preprocess.",
  },
  EXPORT_INVALID: {
    exit: 3,
    http: 422,
    help: "Import what `build_processor export-model`, nnUNetv2_export_model_to_zip or nnUNet_export_model_to_zip has written. A model that is packed in another way can be unpacked into nnU-Net's folder of trained models by hand; `build_processor inspect` shows what an archive has.",
  },
  TRAINER_NOT_FOUND: {
    exit: 5,
    http: 500,
    help: "Training needs Python: make an environment (`python3 -m venv nnunet`), install nnunetv2 and torch into it, and activate it. --venv names it. --image takes an image that `build_processor training-image` has built.",
  },
  TRAINING_BASE_MISSING: {
    exit: 5,
    http: 503,
    help: "Name an image of Debian 13 that Docker has or can pull. --base takes it, such as debian:trixie-slim, or the same image in your own registry.",
  },
  FOLD_IN_USE: {
    exit: 5,
    http: 409,
    help: "Wait until that training has ended, or stop it as the message says, or with Ctrl-C where it runs; the same command then continues from its last checkpoint. --folds names other folds to train at the same time.",
  },
  TRAINING_FAILED: {
    exit: 5,
    http: 500,
    help: "Mend what the message names; the same command then continues from the last checkpoint.",
  },
  TRAINING_DIVERGED: {
    exit: 4,
    http: 422,
    help: "Check the data (NaN, wrong labels, constant images) and the plans; a network of two stages always has this fault. --restart begins again.",
  },
});
