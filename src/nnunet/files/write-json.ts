import { writeFileWhole } from "../../../processor/files/write-file.js";
import { type PythonJson, type PythonJsonOptions, pythonJson } from "../python-json.js";

/**
 * Writes a JSON file as Python does.
 *
 * @throws DISK_FULL, OUTPUT_UNWRITABLE
 */
export const writePythonJson = (path: string, value: PythonJson, options: PythonJsonOptions): Promise<void> =>
  writeFileWhole(path, [Buffer.from(pythonJson(value, options))]);
