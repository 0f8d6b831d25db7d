import { type Progress, silentProgress } from "../../../processor/contract/progress/progress.js";
import { showEvents } from "../../../processor/contract/progress/show-events.js";
import { type ImageSettings, imageSettings, settingTable } from "../../../processor/contract/run-settings.js";
import { predictDefaults } from "../../../processor/contract/setting-choices.js";
import { noExtras } from "../../../processor/runtime/entries/case-extras.js";
import {
  type PredictCasesOptions,
  type PredictionReport,
  predictCases,
} from "../../../processor/runtime/entries/predict.js";

type Places = Pick<PredictCasesOptions, "modelDir" | "inputs" | "outputDir">;

/** The options that a test may change. */
export type PredictChoices = Partial<PredictCasesOptions & ImageSettings & { readonly progress: Progress }>;

/** Runs `predictCases` on the CPU with nnU-Net's defaults, except for the given options. */
export const predictWith = (options: Places & PredictChoices): Promise<PredictionReport> =>
  predictCases({
    folds: null,
    skipsPostProcessing: false,
    saveProbabilities: false,
    prevStageDir: null,
    existing: "error",
    extras: noExtras,
    hookModule: null,
    onEvent: showEvents(options.progress ?? silentProgress),
    signal: new AbortController().signal,
    settings: imageSettings.read(
      { ...predictDefaults(), device: "cpu", ...engineOf(options), ...settingsIn(options) },
      "settings",
    ),
    ...options,
  });

const settingsIn = (options: PredictChoices): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries(options).filter(([name]) => Object.hasOwn(settingTable, name)));

/** ONNX Runtime runs on every machine; bfloat16 needs OpenVINO. */
const engineOf = ({ precision }: PredictChoices): Pick<ImageSettings, "inferenceEngine"> => ({
  inferenceEngine: precision === "bfloat16" ? "auto" : "onnxruntime",
});
