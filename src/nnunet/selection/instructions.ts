import type { BestModel } from "./best-model.js";

/** The number of processes that nnU-Net's commands use if the variable nnUNet_def_n_proc is not set. */
export const defaultProcesses = 8;

/** Returns inference_instructions.txt: how to predict with the best model by nnU-Net's own commands. */
export function inferenceInstructions(best: BestModel, processes: number): string {
  const { datasetName, folds, selected, postProcessingFile, plansFile } = best;
  const isEnsemble = selected.length > 1;
  const outputs = selected.map((_, i) => (isEnsemble ? `OUTPUT_FOLDER_MODEL_${i + 1}` : "OUTPUT_FOLDER"));
  const predict = selected.map(
    ({ trainer, configuration, plans }, i) =>
      `nnUNetv2_predict -d ${datasetName} -i INPUT_FOLDER -o ${outputs[i]} -f  ${folds.join(" ")} -tr ${trainer} -c ${configuration} -p ${plans}${isEnsemble ? " --save_probabilities" : ""}`,
  );
  const lines = [
    "***Run inference like this:***\n",
    ...(isEnsemble
      ? [
          "An ensemble won! What a surprise! Run the following commands to run predictions with the ensemble members:\n",
        ]
      : []),
    ...predict,
    ...(isEnsemble
      ? [
          "\nThe run ensembling with:\n",
          `nnUNetv2_ensemble -i ${outputs.join(" ")} -o OUTPUT_FOLDER -np ${processes}`,
        ]
      : []),
    "\n***Once inference is completed, run postprocessing like this:***\n",
    `nnUNetv2_apply_postprocessing -i OUTPUT_FOLDER -o OUTPUT_FOLDER_PP -pp_pkl_file ${postProcessingFile} -np ${processes} -plans_json ${plansFile}`,
  ];
  return lines.map((line) => `${line}\n`).join("");
}
