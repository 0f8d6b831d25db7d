import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { ProcessorError } from "../errors.js";
import { splitImageEnding } from "../image-io/image-ending.js";
import type { RuntimeSettings } from "../model/manifest.js";
import { type FoundCase, type FoundCases, findCases } from "./find-cases.js";

/**
 * The cases of an image's /input: each file directly in it that has an allowed extension. A model with one channel
 * takes every file as a case of that name; with several, channels are found by `input_channels` or by `_0000`, `_0001`.
 *
 * @throws INPUT_NOT_FOUND listing the allowed extensions
 */
export async function findImageCases(
  settings: RuntimeSettings,
  channelNames: readonly string[],
): Promise<FoundCases> {
  const { inputDir, allowedExtensions, inputChannels } = settings;
  const names = (
    await readdir(inputDir).catch((cause: unknown) => {
      throw new ProcessorError("INPUT_NOT_FOUND", `${inputDir} cannot be read`, { cause });
    })
  )
    .filter(
      (name) =>
        !name.startsWith(".") && allowedExtensions.some((extension) => name.endsWith(`.${extension}`)),
    )
    .sort();
  if (names.length === 0) {
    throw new ProcessorError(
      "INPUT_NOT_FOUND",
      `No suitable images found in ${inputDir}. Images should have one of the following extensions: ${allowedExtensions.join(", ")}`,
    );
  }
  const unknown = names.find((name) => splitImageEnding(name) === null);
  if (unknown !== undefined)
    throw new ProcessorError("IMAGE_UNSUPPORTED", `${join(inputDir, unknown)}: no format that can be read`);
  if (channelNames.length === 1)
    return { cases: names.map((name) => singleCase(inputDir, name)), leftOver: [] };
  if (inputChannels !== null) return namedChannels(settings, names, channelNames);
  const inputs = names.map((name) => join(inputDir, name));
  return findCases({ inputs, channelNames, preferredEnding: `.${allowedExtensions[0]}` });
}

function singleCase(inputDir: string, name: string): FoundCase {
  const { stem, ending } = splitImageEnding(name)!;
  return { name: stem, channelFiles: [join(inputDir, name)], ending };
}

function namedChannels(
  { inputDir, inputChannels }: RuntimeSettings,
  names: readonly string[],
  channelNames: readonly string[],
): FoundCases {
  const groups = new Map<string, Map<string, string>>();
  const leftOver: string[] = [];
  for (const name of names) {
    const path = join(inputDir, name);
    const { stem } = splitImageEnding(name)!;
    const channel = channelNames.find((known) => stem.endsWith(inputChannels![known] ?? "\0"));
    if (channel === undefined) {
      leftOver.push(path);
      continue;
    }
    const caseName = stem.slice(0, stem.length - inputChannels![channel]!.length);
    const group = groups.get(caseName) ?? new Map<string, string>();
    const other = group.get(channel);
    if (other !== undefined) {
      throw new ProcessorError(
        "INPUT_AMBIGUOUS",
        `${other} and ${path} are both ${channel} of case ${caseName}`,
      );
    }
    groups.set(caseName, group.set(channel, path));
  }
  if (groups.size === 0) {
    const wanted = channelNames.map((channel) => `<case>${inputChannels![channel] ?? ""}`).join(", ");
    throw new ProcessorError("INPUT_NOT_FOUND", `no case in ${inputDir}: files should be named ${wanted}`);
  }
  // A missing channel is found out when the case is read, so that other cases go on.
  const cases = [...groups].map(([name, files]): FoundCase => {
    const channelFiles = channelNames.flatMap((channel) => files.get(channel) ?? []);
    return { name, channelFiles, ending: splitImageEnding(channelFiles[0]!)!.ending };
  });
  return { cases, leftOver };
}
