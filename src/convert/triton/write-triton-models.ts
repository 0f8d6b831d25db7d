import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { makeFolder } from "../../../processor/files/make-folder.js";
import { encodeModel } from "../../onnx/encode-model.js";
import { plainVersion } from "../../onnx/plain-graph.js";
import { tritonMeanName } from "../folder-layout.js";
import { averagedOutput, type Stage } from "../read-stages.js";
import { headNames } from "./head-names.js";
import { foldInput, meanGraph } from "./mean-graph.js";
import { ensembleConfig, onnxModelConfig, type TritonModel } from "./model-config.js";
import { textFormat } from "./text-format.js";
import { readTensors, type WindowTensors } from "./window-tensors.js";

const labelFile = "labels.txt";

/**
 * Writes what turns converted stages into a model repository of Triton: a `config.pbtxt` next to the version folder of
 * each fold, and for several folds a model that averages their answers and an ensemble with the name of the stage.
 *
 * @param folder the repository, which contains the folds' `<model>/1/model.onnx`
 * @returns paths of the files, relative to the folder
 */
export async function writeTritonModels(
  stages: readonly Stage[],
  folder: string,
): Promise<readonly string[]> {
  const files = stages.flatMap((stage) => {
    const tensors = readTensors(folder, stage);
    return tensors.folds.length === 1 ? onlyModel(stage, tensors) : averagedModels(stage, tensors);
  });
  for (const { path, contents } of files) {
    await makeFolder(dirname(join(folder, path)));
    await writeFile(join(folder, path), contents, { flag: "wx" });
  }
  return files.map(({ path }) => path);
}

interface TextOrGraph {
  readonly path: string;
  readonly contents: string | Uint8Array;
}

function onlyModel(stage: Stage, { folds, ...tensors }: WindowTensors): readonly TextOrGraph[] {
  const [fold] = folds;
  const model = wholeModel(stage, { ...tensors, input: fold!.input, output: fold!.output });
  return [labels(stage), config(model.name, onnxModelConfig(model))];
}

/** Each fold is a model of its own, so that Triton can place folds on several devices. */
function averagedModels(stage: Stage, tensors: WindowTensors): readonly TextOrGraph[] {
  const { folds, maxBatchSize, inputDims, outputDims } = tensors;
  const averaged = averagedOutput(stage.description);
  const output = averaged === "logits" ? "logits" : "probabilities";
  const whole = wholeModel(stage, { ...tensors, input: "input", output });
  const meanName = tritonMeanName(whole.name);
  const body = meanGraph({ folds: folds.length, averaged, output, shape: tensors.outputShape });
  const mean = {
    name: meanName,
    maxBatchSize,
    facts: null,
    inputs: folds.map((_, i) => ({ name: foldInput(i), dims: outputDims })),
    outputs: [{ name: output, dims: outputDims }],
  };
  const steps = [
    ...folds.map((fold, i) => ({
      model: fold.model,
      inputs: { [fold.input]: "input" },
      outputs: { [fold.output]: foldInput(i) },
    })),
    {
      model: meanName,
      inputs: Object.fromEntries(folds.map((_, i) => [foldInput(i), foldInput(i)])),
      outputs: { [output]: output },
    },
  ];
  return [
    labels(stage),
    config(whole.name, ensembleConfig(whole, steps)),
    emptyVersion(whole.name),
    ...folds.map(({ model, input, output: logits }) =>
      config(
        model,
        onnxModelConfig({
          name: model,
          maxBatchSize,
          facts: null,
          inputs: [{ name: input, dims: inputDims }],
          outputs: [{ name: logits, dims: outputDims }],
        }),
      ),
    ),
    config(meanName, onnxModelConfig(mean)),
    {
      path: `${meanName}/1/model.onnx`,
      contents: encodeModel({ body, data: [], version: plainVersion(body) }),
    },
  ];
}

/** The model that clients call. */
function wholeModel(
  stage: Stage,
  tensors: Omit<WindowTensors, "folds"> & { readonly input: string; readonly output: string },
): TritonModel {
  return {
    name: nameOf(stage),
    maxBatchSize: tensors.maxBatchSize,
    inputs: [{ name: tensors.input, dims: tensors.inputDims }],
    outputs: [{ name: tensors.output, dims: tensors.outputDims, labelFile }],
    facts: factsOf(stage),
  };
}

/** What a client must know to cut windows and to put the answers together. */
function factsOf({ model, description }: Stage): object {
  const { channelNames, labels: definition, plan, previousStage } = description;
  const { nnunetVersion, datasetName, configuration } = model;
  return { nnunetVersion, datasetName, configuration, channelNames, labels: definition, plan, previousStage };
}

const nameOf = ({ prefix }: Stage): string => prefix.replace(/\/$/, "");

const config = (model: string, message: Parameters<typeof textFormat>[0]): TextOrGraph => ({
  path: `${model}/config.pbtxt`,
  contents: textFormat(message),
});

/** An ensemble has no file, but Triton requires a version folder, and an archive or git keeps no empty folders. */
const emptyVersion = (model: string): TextOrGraph => ({ path: `${model}/1/.keep`, contents: "" });

const labels = (stage: Stage): TextOrGraph => ({
  path: `${nameOf(stage)}/${labelFile}`,
  contents: headNames(stage.description.labels, stage.network.outputChannels)
    .map((name) => `${name.replaceAll(/\s+/g, " ")}\n`)
    .join(""),
});
