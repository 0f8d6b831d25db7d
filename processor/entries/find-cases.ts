import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { ProcessorError } from "../errors.js";
import { splitImageEnding, supportedEndings } from "../image-io/image-ending.js";

/** A case by name, with its channels' files in the network's order. */
export interface FoundCase {
  readonly name: string;
  readonly channelFiles: readonly string[];
  /** Of its files, with leading dot. */
  readonly ending: string;
}

export interface FoundCases {
  readonly cases: readonly FoundCase[];
  /** Image files that belong to no case. */
  readonly leftOver: readonly string[];
}

export interface FindCasesOptions {
  /** Folders and files, as given. */
  readonly inputs: readonly string[];
  readonly channelNames: readonly string[];
  /** With leading dot; files of other known endings are taken when there is none of this. */
  readonly preferredEnding: string;
}

/** nnU-Net's naming: case, channel number in four digits, ending. */
const channelSuffix = /^(.+)_(\d{4})$/;

/**
 * Groups files into cases as nnU-Net does: `<case>_0000<ending>`, `<case>_0001<ending>`, … A model with one channel
 * also takes a file without the number.
 *
 * @throws INPUT_NOT_FOUND, INPUT_AMBIGUOUS when two files are the same channel of a case
 */
export async function findCases(options: FindCasesOptions): Promise<FoundCases> {
  const files = await imageFiles(options);
  const groups = new Map<string, Map<number, string>>();
  const leftOver: string[] = [];
  for (const file of files) {
    const { stem } = splitImageEnding(basename(file))!;
    const match = channelSuffix.exec(stem);
    const isNumbered = match !== null && Number(match[2]) < options.channelNames.length;
    if (!isNumbered && options.channelNames.length > 1) {
      leftOver.push(file);
      continue;
    }
    const name = isNumbered ? match[1]! : stem;
    const channel = isNumbered ? Number(match[2]) : 0;
    const group = groups.get(name) ?? new Map<number, string>();
    const other = group.get(channel);
    if (other !== undefined) {
      throw new ProcessorError(
        "INPUT_AMBIGUOUS",
        `${other} and ${file} are both channel ${channel} of case ${name}`,
      );
    }
    groups.set(name, group.set(channel, file));
  }
  if (groups.size === 0) {
    const wanted = options.channelNames.map(
      (_, i) => `<case>_${String(i).padStart(4, "0")}${options.preferredEnding}`,
    );
    throw new ProcessorError(
      "INPUT_NOT_FOUND",
      `no case in ${options.inputs.join(", ")}: files should be named ${wanted.join(", ")}`,
    );
  }
  return { cases: [...groups].sort(byName).map(([name, group]) => caseOf(name, group)), leftOver };
}

const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : 1);

/** Channels that are missing are found out when the case is read: a file may hold several, and other cases go on. */
function caseOf(name: string, group: ReadonlyMap<number, string>): FoundCase {
  const channelFiles = [...group].sort(([a], [b]) => a - b).map(([, file]) => file);
  return { name, channelFiles, ending: splitImageEnding(channelFiles[0]!)!.ending };
}

async function imageFiles({ inputs, preferredEnding }: FindCasesOptions): Promise<readonly string[]> {
  const files: string[] = [];
  for (const input of inputs) {
    const info = await stat(input).catch((cause: unknown) => {
      throw new ProcessorError("INPUT_NOT_FOUND", `${input} does not exist`, { cause });
    });
    if (!info.isDirectory()) {
      if (splitImageEnding(input) === null) {
        throw new ProcessorError(
          "IMAGE_UNSUPPORTED",
          `${input}: known endings are ${supportedEndings.join(", ")}`,
        );
      }
      files.push(input);
      continue;
    }
    const names = (await readdir(input))
      .filter((name) => !name.startsWith(".") && splitImageEnding(name) !== null)
      .sort();
    const preferred = names.filter((name) => name.endsWith(preferredEnding));
    files.push(...(preferred.length > 0 ? preferred : names).map((name) => join(input, name)));
  }
  return files;
}
