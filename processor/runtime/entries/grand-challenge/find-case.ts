import { readdir, stat } from "node:fs/promises";
import { basename, isAbsolute, join, normalize } from "node:path";
import { ownEntry } from "../../../contract/own-entry.js";
import { sharedError } from "../../../contract/shared-errors.js";
import type { GrandChallengeTarget } from "../../../contract/target.js";
import { imageError } from "../../../imaging/errors.js";
import { splitImageEnding, supportedEndings } from "../../../imaging/formats/image-ending.js";
import { type FoundCase, type ImageInput, imageFile } from "../../cases/case.js";
import { isDicomInput, seriesName } from "../../cases/find-dicom.js";
import { listFolder } from "../../cases/list-folder.js";
import { runtimeError } from "../../errors.js";
import { readInputsJson, type SocketValue } from "./inputs-json.js";

export interface FindSocketCaseOptions {
  readonly inputDir: string;
  readonly target: GrandChallengeTarget;
  readonly channelNames: readonly string[];
}

/**
 * Finds the one case in the input folder: an image from each socket, in the order of the network's channels. The
 * sockets are those of `inputs.json`. An older platform does not write this file; then the sockets are the folders
 * below `images/`.
 *
 * @throws INPUT_NOT_FOUND, INPUT_AMBIGUOUS, IMAGE_UNSUPPORTED, INPUTS_JSON_INVALID
 */
export async function findSocketCase(options: FindSocketCaseOptions): Promise<FoundCase> {
  const { inputDir, target, channelNames } = options;
  const sockets = (await readInputsJson(inputDir)) ?? (await socketFolders(inputDir));
  const inputs: ImageInput[] = [];
  for (const socket of chooseSockets(sockets, target, channelNames))
    inputs.push(await onlyImage(inputDir, socket));
  return { name: nameOf(inputs[0]!), inputs, ending: ".mha" };
}

/** Returns the name of the platform's image, or the slug of the socket of a DICOM series. */
const nameOf = ({ kind, path }: ImageInput): string =>
  kind === "dicom" ? seriesName(path) : splitImageEnding(basename(path))!.stem;

/** Returns the sockets of a platform that does not write `inputs.json`. */
async function socketFolders(inputDir: string): Promise<readonly SocketValue[]> {
  const images = join(inputDir, "images");
  const entries = await readdir(images, { withFileTypes: true }).catch(async (cause: unknown) => {
    throw sharedError(
      "INPUT_NOT_FOUND",
      `${inputDir} is not laid out as a job of grand-challenge: it has neither inputs.json nor images/<socket>/<image>.mha${await foundInstead(inputDir)}`,
      { cause },
    );
  });
  return entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => ({ slug: name, relativePath: `images/${name}`, isImage: true }))
    .sort((a, b) => (a.slug < b.slug ? -1 : 1));
}

/** Returns the end of a message for a user who has mounted a plain folder of images instead of a job's layout. */
async function foundInstead(inputDir: string): Promise<string> {
  const { imageNames } = await listFolder(inputDir);
  if (imageNames.length === 0) return "";
  const [first, ...others] = imageNames;
  const images = others.length === 0 ? first : `${imageNames.length} images, ${first} and others`;
  return `; it has ${images}. \`build_processor simulate IMAGE -i FOLDER\` lays them out as the platform does and runs the image`;
}

function chooseSockets(
  sockets: readonly SocketValue[],
  { inputSockets }: GrandChallengeTarget,
  channelNames: readonly string[],
): readonly SocketValue[] {
  const slugs = sockets.map(({ slug }) => slug).join(", ") || "none";
  if (inputSockets === null) {
    const images = sockets.filter(({ isImage }) => isImage);
    if (images.length === 1) return images;
    const found = images.map(({ slug }) => slug).join(", ") || "none";
    const message = `one image socket is expected where grand_challenge.inputs names none; there are: ${found}`;
    throw images.length === 0
      ? sharedError("INPUT_NOT_FOUND", message)
      : runtimeError("INPUT_AMBIGUOUS", message);
  }
  return channelNames.map((channel) => {
    const wanted = ownEntry(inputSockets, channel);
    const socket = sockets.find(({ slug }) => slug === wanted);
    if (socket !== undefined) return socket;
    throw sharedError(
      "INPUT_NOT_FOUND",
      `the channel ${channel} comes from the socket ${wanted}; the sockets of this job are: ${slugs}`,
    );
  });
}

/** Finds the image of a socket: a file, or the files of a DICOM series. */
async function onlyImage(inputDir: string, { slug, relativePath }: SocketValue): Promise<ImageInput> {
  const path = normalize(relativePath ?? `images/${slug}`);
  if (isAbsolute(path) || path.startsWith(".."))
    throw runtimeError(
      "INPUTS_JSON_INVALID",
      `the socket ${slug} is at ${relativePath}, outside ${inputDir}`,
    );
  const folder = join(inputDir, path);
  const found = await stat(folder).catch(() => null);
  if (found?.isDirectory() !== true)
    throw sharedError("INPUT_NOT_FOUND", `the socket ${slug} has no folder ${folder}`);
  if (await isDicomInput(folder, found)) return { kind: "dicom", path: folder };
  const { imageNames: images, leftOut } = await listFolder(folder);
  if (images.length === 1) return imageFile(join(folder, images[0]!));
  if (images.length > 1)
    throw runtimeError(
      "INPUT_AMBIGUOUS",
      `${folder} holds ${images.length} images, ${images.slice(0, 3).join(", ")} …, where one is expected`,
    );
  const [other] = leftOut.filter(({ reason }) => reason !== "hidden");
  if (other !== undefined)
    throw imageError(
      "IMAGE_UNSUPPORTED",
      `${folder} holds ${basename(other.path)} (${other.reason}); known endings are ${supportedEndings.join(", ")}`,
    );
  throw sharedError("INPUT_NOT_FOUND", `${folder} is empty`);
}
