import { join } from "node:path";
import type { ProcessorError } from "../../contract/errors.js";
import { ownEntry } from "../../contract/own-entry.js";
import type { ImageSettings } from "../../contract/run-settings.js";
import { sharedError } from "../../contract/shared-errors.js";
import { imageError } from "../../imaging/errors.js";
import { splitImageEnding } from "../../imaging/formats/image-ending.js";
import { runtimeError } from "../errors.js";
import type { FoundCase } from "./case.js";
import { dicomCases } from "./dicom-cases.js";
import { type FindCasesOptions, type FoundCases, findCases, foundCase } from "./find-cases.js";
import { seriesFolders } from "./find-dicom.js";
import { foundInstead, type LeftOutFile } from "./left-out.js";
import { listFolder } from "./list-folder.js";

/**
 * Finds the cases in the /input folder of an image, from the files directly in it that have an allowed extension. For a
 * model with one channel, every file is a case of that name. For a model with several, channels are found by
 * `input_channels`, or by `_0000`, `_0001`. If there is no image, DICOM series are found in the same way: the folder itself
 * if DICOM files are directly in it, otherwise each of its subfolders.
 *
 * @throws INPUT_NOT_FOUND with the allowed extensions
 */
export async function findImageCases(
  settings: ImageSettings,
  { channelNames, mayHoldAllChannels }: Pick<FindCasesOptions, "channelNames" | "mayHoldAllChannels">,
): Promise<FoundCases> {
  const { inputDir, inputChannels } = settings;
  const listed = await listFolder(inputDir);
  if (listed.imageNames.length === 0) {
    const series = await seriesFolders(inputDir);
    if (series.length > 0)
      return {
        cases: dicomCases(series, {
          channelNames,
          channelEndings: inputChannels,
          isInOrder: false,
        }),
        leftOut: [],
      };
  }
  const { names, leftOut } = allowedImages(listed.imageNames, listed.leftOut, settings);
  if (names.length === 0) throw noImage(settings, leftOut);
  const found = await group();
  return { ...found, leftOut: [...leftOut, ...found.leftOut] };

  async function group(): Promise<FoundCases> {
    if (channelNames.length === 1)
      return { cases: names.map((name) => singleCase(inputDir, name)), leftOut: [] };
    if (inputChannels !== null) return namedChannels(settings, names, channelNames);
    const inputs = names.map((name) => join(inputDir, name));
    return findCases({
      inputs,
      channelNames,
      preferredEnding: `.${settings.allowedExtensions[0]}`,
      mayHoldAllChannels,
    });
  }
}

/** Returns the images with an allowed extension. Extensions are compared in lower case, as in the readers. */
function allowedImages(
  imageNames: readonly string[],
  others: readonly LeftOutFile[],
  { inputDir, allowedExtensions }: ImageSettings,
): { readonly names: readonly string[]; readonly leftOut: readonly LeftOutFile[] } {
  const isAllowed = (name: string): boolean =>
    allowedExtensions.some((extension) => name.toLowerCase().endsWith(`.${extension.toLowerCase()}`));
  const unread = others.find(({ path, reason }) => reason === "not an image" && isAllowed(path));
  if (unread !== undefined)
    throw imageError(
      "IMAGE_UNSUPPORTED",
      `${unread.path}: its extension is allowed, but its format cannot be read`,
    );
  const refused = imageNames
    .filter((name) => !isAllowed(name))
    .map((name): LeftOutFile => ({ path: join(inputDir, name), reason: "not an allowed extension" }));
  return { names: imageNames.filter(isAllowed), leftOut: [...refused, ...others] };
}

function noImage(
  { inputDir, allowedExtensions }: ImageSettings,
  leftOut: readonly LeftOutFile[],
): ProcessorError {
  const refused = leftOut.filter(({ reason }) => reason === "not an allowed extension");
  const endings = refused.map(({ path }) => splitImageEnding(path)!.ending.slice(1).toLowerCase());
  const wider = [...new Set([...allowedExtensions, ...endings])].join(",");
  const remedy = refused.length === 0 ? "" : `; to segment them too, pass --allowed-extensions ${wider}`;
  return sharedError(
    "INPUT_NOT_FOUND",
    `No suitable images found in ${inputDir}. Images should have one of the following extensions: ${allowedExtensions.join(", ")}${foundInstead(leftOut)}${remedy}`,
  );
}

function singleCase(inputDir: string, name: string): FoundCase {
  return foundCase(splitImageEnding(name)!.stem, [join(inputDir, name)]);
}

function namedChannels(
  { inputDir, inputChannels }: ImageSettings,
  names: readonly string[],
  channelNames: readonly string[],
): FoundCases {
  const groups = new Map<string, Map<string, string>>();
  const leftOut: LeftOutFile[] = [];
  for (const name of names) {
    const path = join(inputDir, name);
    const { stem } = splitImageEnding(name)!;
    const channel = channelNames.find(
      (known) => Object.hasOwn(inputChannels!, known) && stem.endsWith(inputChannels![known]!),
    );
    if (channel === undefined) {
      leftOut.push({ path, reason: "not a channel of the model" });
      continue;
    }
    const caseName = stem.slice(0, stem.length - inputChannels![channel]!.length);
    const group = groups.get(caseName) ?? new Map<string, string>();
    const other = group.get(channel);
    if (other !== undefined) {
      throw runtimeError("INPUT_AMBIGUOUS", `${other} and ${path} are both ${channel} of case ${caseName}`);
    }
    groups.set(caseName, group.set(channel, path));
  }
  if (groups.size === 0) {
    const wanted = channelNames
      .map((channel) => `<case>${ownEntry(inputChannels!, channel) ?? ""}`)
      .join(", ");
    throw sharedError("INPUT_NOT_FOUND", `no case in ${inputDir}: files should be named ${wanted}`);
  }
  // A missing channel is reported when the case is read, so that the other cases can still run.
  const cases = [...groups].map(([name, files]) =>
    foundCase(
      name,
      channelNames.flatMap((channel) => files.get(channel) ?? []),
    ),
  );
  return { cases, leftOut };
}
