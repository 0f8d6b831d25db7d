import { readBytes, unreadable } from "../../../processor/files/read-text-file.js";
import { builderError } from "../../ground/errors/builder-errors.js";
import { Field } from "../fields.js";
import { numpyGlobals } from "../pickle/numpy-globals.js";
import { pythonGlobals } from "../pickle/python-globals.js";
import { readPickle } from "../pickle/read-pickle.js";

/** The contents of the config.pkl that NVIDIA's preprocessing writes. */
export interface NvidiaConfig {
  /** Two or three entries, slowest axis first. */
  readonly patchSize: readonly number[];
  readonly spacingsMm: readonly number[];
  /** The number of labels with background. */
  readonly classes: number;
  readonly inChannels: number;
}

/** The real file has about 200 bytes. */
const maxBytes = 1 << 20;

/** @throws MODEL_FILE_INVALID, CHECKPOINT_* */
export async function readConfigPickle(file: string): Promise<NvidiaConfig> {
  const bytes = await readBytes(file, maxBytes).catch((cause: unknown) => {
    throw builderError("MODEL_FILE_INVALID", `${file}: ${unreadable(cause)}`, { cause });
  });
  const globals = new Map([...pythonGlobals, ...numpyGlobals]);
  const { value } = readPickle(bytes, { source: file, globals });
  const config = new Field(value, file);
  const patchSize = config.get("patch_size").integers();
  const spacingsMm = config.get("spacings").numbers();
  if ((patchSize.length !== 2 && patchSize.length !== 3) || spacingsMm.length !== patchSize.length)
    throw builderError(
      "MODEL_FILE_INVALID",
      `${file}: patch_size and spacings must have two or three entries each, but have ${patchSize.length} and ${spacingsMm.length}`,
    );
  if (patchSize.some((size) => size < 1 || size > 4096) || spacingsMm.some((spacing) => !(spacing > 0)))
    throw builderError(
      "MODEL_FILE_INVALID",
      `${file}: patch_size is ${patchSize.join(", ")} and spacings is ${spacingsMm.join(", ")}`,
    );
  return {
    patchSize,
    spacingsMm,
    classes: countIn(config.get("n_class"), 65_535),
    inChannels: countIn(config.get("in_channels"), 1000),
  };
}

/** Reads a number from which lists are made, within a limit. */
function countIn(field: Field, most: number): number {
  const value = field.integer();
  if (value >= 1 && value <= most) return value;
  throw builderError("MODEL_FILE_INVALID", `${field.path} should be from 1 to ${most}, but is ${value}`);
}
