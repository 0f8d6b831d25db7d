import type { FoldFiles } from "./manifest.js";

/** Returns the files of one fold, as paths below the manifest's folder. */
export const filesOfFold = ({ onnxFile, weightsFile }: FoldFiles): readonly string[] =>
  weightsFile === null ? [onnxFile] : [weightsFile, onnxFile];
