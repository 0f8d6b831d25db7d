import { createHash } from "node:crypto";
import { isAbsolute, normalize, resolve } from "node:path";
import {
  type Checked,
  either,
  JsonMismatch,
  listOf,
  orAbsent,
  record,
  text,
} from "../../contract/json-check.js";
import { nearest } from "../../contract/nearest-name.js";
import { splitImageEnding } from "../../imaging/formats/image-ending.js";
import type { ImageInput } from "../cases/case.js";

/** One case of a batch, as a line of its manifest describes it. */
export interface BatchCase {
  /** Unique in its batch, and a file name. */
  readonly name: string;
  /** One input for each channel, with absolute paths. */
  readonly inputs: readonly ImageInput[];
  /** The path of the segmentation below the folder of segmentations. */
  readonly output: string;
  /** SHA-256 of what the line says, to notice when it changes. */
  readonly digest: string;
}

const names = either(text, listOf(text, 1));

const caseLine = record({
  case: text,
  inputs: orAbsent(listOf(text, 1)),
  dicom: orAbsent(names),
  output: orAbsent(text),
});

/** A line of a manifest: `{"case": "a", "inputs": ["a_0000.nii.gz"]}`, or `{"case": "b", "dicom": "series/b"}`. */
export type CaseLine = Checked<typeof caseLine>;

const keys = ["case", "inputs", "dicom", "output"];

/** The ending of segmentations, unless a line names another. */
const defaultEnding = ".nii.gz";

/**
 * Reads one line of a manifest.
 *
 * @param folder the start of relative paths
 * @throws JsonMismatch with what is wrong
 */
export function readCaseLine(line: string, folder: string): BatchCase {
  const value = parsed(line);
  const unknown = Object.keys(value as object).find((key) => !keys.includes(key));
  const { case: name, inputs, dicom, output = `${name}${defaultEnding}` } = caseLine.read(value, "");
  if (unknown !== undefined) {
    const near = nearest(unknown, keys);
    throw new JsonMismatch(
      `has the unknown key ${JSON.stringify(unknown)}; ${near === null ? `known are ${keys.join(", ")}` : `did you mean ${near}?`}`,
    );
  }
  if (!isCaseName(name))
    throw new JsonMismatch(
      "has a case whose name is not a file name: up to 200 bytes, no /, \\ or control characters, and no dot at its start",
    );
  if ((inputs === undefined) === (dicom === undefined))
    throw new JsonMismatch(`(${name}) should have either inputs or dicom`);
  const problem = outputProblem(output);
  if (problem !== null) throw new JsonMismatch(`(${name}) ${problem}`);
  const absolute = (path: string): string => resolve(folder, path);
  return {
    name,
    inputs:
      inputs?.map((path) => ({ kind: "file", path: absolute(path) })) ??
      [dicom!].flat().map((path) => ({ kind: "dicom", path: absolute(path) })),
    output: normalize(output),
    digest: createHash("sha256")
      .update(JSON.stringify([name, inputs ?? null, dicom ?? null, normalize(output)]))
      .digest("hex"),
  };
}

function parsed(line: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new JsonMismatch("is not JSON");
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw new JsonMismatch("should be an object");
}

/** Returns whether a name can be that of a file in every folder of a batch. */
export const isCaseName = (name: string): boolean =>
  name !== "" && Buffer.byteLength(name) <= 200 && !name.startsWith(".") && !/[/\\\p{Cc}]/u.test(name);

function outputProblem(output: string): string | null {
  if (isAbsolute(output) || output.includes("\\") || normalize(output).split("/").includes(".."))
    return `has the output ${JSON.stringify(output)}, which is not a path below the folder of segmentations`;
  if (output.split("/").some((part) => part.startsWith(".")) || splitImageEnding(output) === null)
    return `has the output ${JSON.stringify(output)}, which should end as an image does, such as ${defaultEnding}`;
  return null;
}
