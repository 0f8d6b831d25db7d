import { ProcessorError } from "../../../processor/contract/errors.js";
import { describeModel } from "../../../src/checkpoint/nnunet-formats.js";
import { readTorchFile } from "../../../src/checkpoint/torch/read-torch-file.js";
import { modelIn } from "./model-in.js";

/** Runs in its own process: reads a checkpoint or describes a model folder, and prints the outcome and the memory that it took. */
const [kind, path] = process.argv.slice(2) as [string, string];
let code = "read";
try {
  if (kind === "model") await describeModel(await modelIn(path));
  else await readTorchFile(path);
} catch (error) {
  code = error instanceof ProcessorError ? error.code : `not an error of the catalogue: ${String(error)}`;
}
process.stdout.write(JSON.stringify({ code, megabytes: process.resourceUsage().maxRSS / 1024 }));
