import type { TrainedModel } from "../checkpoint/network/trained-model.js";
import type { NetworkForm } from "../onnx/write-network.js";
import type { ConvertFormat } from "./convert-format.js";

/** The places of one stage's files in the converted folder. */
export interface StageLayout {
  /** The stage's folder, with a slash at the end; empty for the converted folder itself. */
  readonly prefix: string;
  /** Path of a fold's network without its ending. */
  foldPath(fold: string): string;
  /** Path of an ONNX file of the model's owner, whose weights file keeps its name and is put next to it. */
  ownNetwork(fold: string, hasWeightsFile: boolean): string;
}

export interface FolderLayout {
  readonly form: NetworkForm;
  readonly hasGpuGraphs: boolean;
  /** True if the form of a network for OpenVINO is written next to the one for ONNX Runtime. */
  readonly hasPlainGraphs: boolean;
  /** Called once for each stage, in order. */
  stage(model: Pick<TrainedModel, "configuration" | "datasetName" | "folds">): StageLayout;
}

/** @param stages number of stages in the folder */
export function layoutOf(format: ConvertFormat, stages: number): FolderLayout {
  const taken = new Set<string>();
  if (format === "triton")
    return {
      form: "plain",
      hasGpuGraphs: false,
      hasPlainGraphs: false,
      stage(model) {
        const name = freeName(tritonName(model), taken);
        const folder = (fold: string) => (model.folds.length === 1 ? name : tritonFoldName(name, fold));
        const foldPath = (fold: string) => `${folder(fold)}/1/model`;
        return { prefix: `${name}/`, foldPath, ownNetwork: (fold) => `${foldPath(fold)}.onnx` };
      },
    };
  return {
    form: format === "onnx" ? "plain" : "cpu",
    hasGpuGraphs: format === "processor",
    hasPlainGraphs: format === "processor",
    stage({ configuration }) {
      const prefix = stages === 1 ? "" : `${freeName(configuration, taken)}/`;
      const foldPath = (fold: string) => `${prefix}fold_${fold}`;
      const ownNetwork = (fold: string, hasWeightsFile: boolean) =>
        hasWeightsFile ? `${foldPath(fold)}/network.onnx` : `${foldPath(fold)}.onnx`;
      return { prefix, foldPath, ownNetwork };
    },
  };
}

const tritonName = ({
  datasetName,
  configuration,
}: Pick<TrainedModel, "datasetName" | "configuration">): string => `${datasetName}-${configuration}`;

const tritonFoldName = (name: string, fold: string): string => `${name}-fold_${fold}`;

/** Name of the Triton model that averages several folds. */
export const tritonMeanName = (name: string): string => `${name}-mean`;

/** Returns the names of the models that are written for a stage in addition to that of a fold. */
export function tritonNamesNextTo(ofFold: string): readonly string[] {
  const [, name] = /^(.*)-fold_(?:\d+|all)$/.exec(ofFold) ?? [];
  return name === undefined ? [] : [name, tritonMeanName(name)];
}

/** Returns an unused name, such as `3d_fullres`, or `3d_fullres-2` if the first is taken. */
function freeName(wanted: string, taken: Set<string>): string {
  const base = wanted.replace(/[^A-Za-z0-9_.-]+/g, "-");
  let name = base;
  for (let i = 2; taken.has(name); i++) name = `${base}-${i}`;
  taken.add(name);
  return name;
}
