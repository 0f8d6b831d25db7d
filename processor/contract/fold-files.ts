import type { FoldFiles } from "./manifest.js";

/** What one fold has below the manifest's folder. */
export const filesOfFold = ({ onnxFile, weightsFile }: FoldFiles): readonly string[] =>
  weightsFile === null ? [onnxFile] : [weightsFile, onnxFile];
