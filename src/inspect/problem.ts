import { ProcessorError } from "../../processor/contract/errors.js";
import { builderRemedy } from "../ground/errors/catalogue.js";
import type { Problem } from "./inspection.js";

/** Returns an error of the catalogue as a finding. Throws any other error, because it is a bug. */
export function asProblem(error: unknown): Problem {
  if (!(error instanceof ProcessorError)) throw error;
  const { code, message } = error;
  return { code, message, help: code === "ARCHITECTURE_UNKNOWN" ? ownNetwork : builderRemedy(error) };
}

const ownNetwork =
  'Export the network to ONNX (`torch.onnx.export`, input batch × channels × patch, output the logits) and name the file in config.json: "onnx".';
