import type { FoldFiles } from "./manifest.js";

/** What one fold has below the manifest's folder. Folders of earlier versions don't say that they have no float16 graph. */
export const filesOfFold = ({ onnxFile, weightsFile, gpuOnnxFile }: FoldFiles): readonly string[] =>
  [weightsFile, onnxFile, gpuOnnxFile ?? null].filter((file) => file !== null);
