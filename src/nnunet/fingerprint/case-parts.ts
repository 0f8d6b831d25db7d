import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { makeFolder } from "../../../processor/files/make-folder.js";
import { removeFolder } from "../../../processor/files/remove-folder.js";
import { writeFileWhole } from "../../../processor/files/write-file.js";
import type { CaseFingerprint, FingerprintCaseTask } from "./fingerprint-case.js";

/** The folder with the results of single cases, from which a stopped run continues. */
const folderName = ".fingerprint_parts";

const folderOf = (preprocessedFolder: string): string => join(preprocessedFolder, folderName);

const pathOf = (preprocessedFolder: string, caseId: string): string =>
  join(
    folderOf(preprocessedFolder),
    `${createHash("sha256").update(caseId).digest("hex").slice(0, 32)}.part`,
  );

/** Returns what a result depends on: the task, and the files' sizes and dates. */
async function keyOf(task: FingerprintCaseTask): Promise<string> {
  const files = await Promise.all(
    [...task.images, task.label].map(async (path) => {
      const { size, mtimeMs } = await stat(path);
      return [path, size, mtimeMs];
    }),
  );
  return JSON.stringify({ format: 2, reader: task.reader, draws: task.draws, files });
}

/** Saves the result of one case: a digest of all that follows, a line of JSON, and the values and weights of each channel. */
export async function savePart(
  preprocessedFolder: string,
  {
    caseId,
    task,
    result,
  }: { readonly caseId: string; readonly task: FingerprintCaseTask; readonly result: CaseFingerprint },
): Promise<void> {
  const { channels, ...others } = result;
  const lengths = channels.map(({ values }) => values.length);
  const head = JSON.stringify({ key: await keyOf(task), lengths, others });
  await makeFolder(folderOf(preprocessedFolder));
  const content = [
    Buffer.from(`${head}\n`),
    ...channels.flatMap(({ values, weights }) => [bytesOf(values), bytesOf(Float64Array.from(weights))]),
  ];
  await writeFileWhole(pathOf(preprocessedFolder, caseId), [digestOf(content), ...content]);
}

function digestOf(content: readonly Uint8Array[]): Uint8Array {
  const hash = createHash("sha256");
  for (const part of content) hash.update(part);
  return hash.digest();
}

const digestBytes = 32;

const bytesOf = (array: Float32Array | Float64Array): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

/** Returns the result of an earlier run for the same files and settings; null if there is none. */
export async function loadPart(
  preprocessedFolder: string,
  { caseId, task }: { readonly caseId: string; readonly task: FingerprintCaseTask },
): Promise<CaseFingerprint | null> {
  const file = await readFile(pathOf(preprocessedFolder, caseId)).catch(() => null);
  if (file === null) return null;
  const bytes = file.subarray(digestBytes);
  // A damaged file counts as none: the case is measured again.
  if (!file.subarray(0, digestBytes).equals(digestOf([bytes]))) return null;
  const end = bytes.indexOf(10);
  try {
    const head = JSON.parse(bytes.toString("utf8", 0, end)) as {
      readonly key: string;
      readonly lengths: readonly number[];
      readonly others: Omit<CaseFingerprint, "channels">;
    };
    if (head.key !== (await keyOf(task))) return null;
    const values = new Uint8Array(bytes.subarray(end + 1));
    if (values.length !== head.lengths.reduce((sum, length) => sum + 12 * length, 0)) return null;
    let at = 0;
    const channels = head.lengths.map((length) => {
      const take = (size: number) => {
        at += size;
        return values.slice(at - size, at).buffer;
      };
      return { values: new Float32Array(take(4 * length)), weights: new Float64Array(take(8 * length)) };
    });
    return { ...head.others, channels };
  } catch {
    // Another version may have written it.
    return null;
  }
}

export const removeParts = (preprocessedFolder: string): Promise<void> =>
  removeFolder(folderOf(preprocessedFolder));
