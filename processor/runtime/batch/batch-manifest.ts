import { createHash } from "node:crypto";
import { dirname, resolve } from "node:path";
import { counted } from "../../contract/counted.js";
import { JsonMismatch } from "../../contract/json-check.js";
import { sharedError } from "../../contract/shared-errors.js";
import { readTextFile, unreadable } from "../../files/read-text-file.js";
import { splitImageEnding } from "../../imaging/formats/image-ending.js";
import { type BatchCase, readCaseLine } from "./batch-case.js";
import { batchError } from "./errors.js";

/** The cases of a batch. */
export interface BatchManifest {
  /** SHA-256 of the file. */
  readonly digest: string;
  readonly text: string;
  readonly cases: readonly BatchCase[];
}

/** The longest manifest: a million lines of 256 bytes. */
const mostBytes = 256 << 20;

/** The problems in a message, so that a file of another kind gives a readable one. */
const problemsShown = 20;

/**
 * Reads a manifest: a JSON object in each line. Relative paths start from the manifest's folder.
 *
 * @throws INPUT_NOT_FOUND; BATCH_MANIFEST_INVALID with all problems at once
 */
export async function readManifest(path: string): Promise<BatchManifest> {
  const text = await readTextFile(path, mostBytes).catch((cause: unknown) => {
    throw sharedError("INPUT_NOT_FOUND", `the manifest ${path}: ${unreadable(cause)}`, { cause });
  });
  return parseManifest(text, path, dirname(resolve(path)));
}

/**
 * @param place the name of the manifest in messages
 * @param folder the start of relative paths
 * @throws BATCH_MANIFEST_INVALID
 */
export function parseManifest(text: string, place: string, folder: string): BatchManifest {
  const problems: string[] = [];
  const cases: BatchCase[] = [];
  const lineOfName = new Map<string, number>();
  const lineOfOutput = new Map<string, number>();
  for (const [i, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    const number = i + 1;
    try {
      const found = readCaseLine(line, folder);
      const others = [
        [`the case ${found.name}`, lineOfName.get(found.name)],
        [`the output ${found.output}`, lineOfOutput.get(stemOf(found.output))],
      ] as const;
      const [what, other] = others.find(([, at]) => at !== undefined) ?? [];
      if (other !== undefined) problems.push(`line ${number} has ${what} of line ${other} again`);
      lineOfName.set(found.name, number);
      lineOfOutput.set(stemOf(found.output), number);
      cases.push(found);
    } catch (error) {
      if (!(error instanceof JsonMismatch)) throw error;
      problems.push(`line ${number} ${error.message}`);
    }
  }
  if (cases.length === 0 && problems.length === 0) problems.push("it has no case");
  if (problems.length > 0) throw invalid(place, problems);
  return { digest: createHash("sha256").update(text).digest("hex"), text, cases };
}

/** Further files of a case are named after its segmentation, without the ending. */
const stemOf = (output: string): string => splitImageEnding(output)!.stem;

/** Makes the error for a manifest, or for what should become one. */
export function invalid(place: string, problems: readonly string[]): Error {
  const more = problems.length - problemsShown;
  const lines = [
    ...problems.slice(0, problemsShown),
    ...(more > 0 ? [`and ${counted(more, "more problem")}`] : []),
  ];
  return batchError("BATCH_MANIFEST_INVALID", `${place}: ${lines.join("\n  ")}`);
}
