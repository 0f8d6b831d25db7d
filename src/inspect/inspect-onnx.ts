import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { builderError } from "../ground/errors/builder-errors.js";
import { readOnnxModel } from "../onnx/read-onnx.js";
import type { OnnxInspection } from "./inspection.js";
import { asProblem } from "./problem.js";

/** Describes an ONNX file and the files that contain its weights. */
export async function inspectOnnx(source: string, file: string): Promise<OnnxInspection> {
  const { file: _, externalFiles, ...model } = readOnnxModel(file);
  const { size } = await stat(file);
  const files = [];
  for (const external of externalFiles) {
    const found = await stat(join(dirname(file), external.location)).catch(() => null);
    files.push({ ...external, sizeBytes: found?.isFile() ? found.size : null });
  }
  const missing = files.filter(({ sizeBytes, leastBytes }) => sizeBytes === null || sizeBytes < leastBytes);
  return {
    inspectionVersion: 1,
    source,
    kind: "onnx",
    sizeBytes: files.reduce((sum, { sizeBytes }) => sum + (sizeBytes ?? 0), size),
    ...model,
    externalFiles: files,
    problems: missing.map(({ location, leastBytes, sizeBytes }) =>
      asProblem(
        builderError(
          "MODEL_FILE_INVALID",
          `${file}: its weights in ${location} ${sizeBytes === null ? "are missing" : `have ${sizeBytes} of ${leastBytes} bytes`}`,
        ),
      ),
    ),
  };
}
