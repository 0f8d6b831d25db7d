import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { ProcessorError } from "../errors.js";
import { splitImageEnding } from "../image-io/image-ending.js";
import type { RuntimeSettings } from "../model/manifest.js";
import { type FoundCase, findCases } from "./find-cases.js";

/**
 * The cases of an image's /input: each file directly in it that has an allowed extension. A model with one channel
 * takes every file as a case of that name; with several, channels are found by `input_channels` or by `_0000`, `_0001`.
 *
 * @throws INPUT_NOT_FOUND listing the allowed extensions
 */
export async function findImageCases(
  settings: RuntimeSettings,
  channelNames: readonly string[],
): Promise<readonly FoundCase[]> {
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
  if (channelNames.length === 1) return names.map((name) => singleCase(inputDir, name));
  if (inputChannels !== null) return namedChannels(settings, names, channelNames);
  const inputs = names.map((name) => join(inputDir, name));
  return (await findCases({ inputs, channelNames, preferredEnding: `.${allowedExtensions[0]}` })).cases;
}

function singleCase(inputDir: string, name: string): FoundCase {
  const { stem, ending } = splitImageEnding(name)!;
  return { name: stem, channelFiles: [join(inputDir, name)], ending };
}

function namedChannels(
  { inputDir, inputChannels }: RuntimeSettings,
  names: readonly string[],
  channelNames: readonly string[],
): readonly FoundCase[] {
  const groups = new Map<string, Map<string, string>>();
  for (const name of names) {
    const { stem } = splitImageEnding(name)!;
    const channel = channelNames.find((known) => stem.endsWith(inputChannels![known] ?? "\0"));
    if (channel === undefined) continue;
    const caseName = stem.slice(0, -inputChannels![channel]!.length);
    groups.set(
      caseName,
      (groups.get(caseName) ?? new Map<string, string>()).set(channel, join(inputDir, name)),
    );
  }
  return [...groups].map(([name, files]) => {
    const missing = channelNames.filter((channel) => !files.has(channel));
    if (missing.length > 0)
      throw new ProcessorError("INPUT_CHANNELS", `case ${name} lacks ${missing.join(", ")}`);
    const channelFiles = channelNames.map((channel) => files.get(channel)!);
    return { name, channelFiles, ending: splitImageEnding(channelFiles[0]!)!.ending };
  });
}
