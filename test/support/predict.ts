import { silentProgress } from "../../processor/contract/progress/progress.js";
import {
  type PredictCasesOptions,
  type PredictionReport,
  predictCases,
} from "../../processor/runtime/run/predict-cases.js";

type Places = Pick<PredictCasesOptions, "modelDir" | "inputs" | "outputDir">;

/** `predictCases` on the CPU with nnU-Net's own defaults, but for what is said otherwise. */
export const predictWith = (options: Places & Partial<PredictCasesOptions>): Promise<PredictionReport> =>
  predictCases({
    ...{ folds: null, useTta: true, stepSize: 0.5, exportMode: "normal", skipsPostProcessing: false },
    ...{ saveProbabilities: false, prevStageDir: null, device: "cpu", precision: "auto", existing: "error" },
    ...{ hookModule: null, progress: silentProgress },
    ...options,
  });
