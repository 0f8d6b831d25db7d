import { createHash } from "node:crypto";
import { readdir, stat, symlink, writeFile } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { counted } from "../../../processor/contract/counted.js";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { makeFolder } from "../../../processor/files/make-folder.js";
import { whyNotFound } from "../../../processor/files/why-unreadable.js";
import { splitImageEnding } from "../../../processor/imaging/formats/image-ending.js";
import { readImage } from "../../../processor/imaging/formats/read-image.js";
import { writeImage } from "../../../processor/imaging/formats/write-image.js";
import { foundInstead } from "../../../processor/runtime/cases/left-out.js";
import { listFolder } from "../../../processor/runtime/cases/list-folder.js";

/** One case of `--input`. */
export interface TrialCase {
  readonly name: string;
  /** The images, channel by channel. A segmentation must have their grid. */
  readonly images: readonly string[];
  /** The folder, if it is arranged like /input already; null for files in one folder. */
  readonly folder: string | null;
}

/**
 * Finds the cases of a folder. If it is arranged like a platform's /input (with `inputs.json` or `images/`), it is one
 * case. Otherwise, each of its folders that is arranged like that is a case; if there are none, its files are grouped
 * into cases as nnU-Net does (`<case>_0000`, `<case>_0001`, …).
 *
 * @throws INPUT_NOT_FOUND
 */
export async function findTrialCases(input: string): Promise<readonly TrialCase[]> {
  const entries = await readdir(input).catch(async (cause: unknown) => {
    throw sharedError("INPUT_NOT_FOUND", `${input}${await whyNotFound(input, cause)}`, { cause });
  });
  if (await isInputFolder(input)) return [await caseOfFolder(input)];
  const folders = entries.map((name) => join(input, name)).sort();
  const isCase = await Promise.all(folders.map(isInputFolder));
  const cases = await Promise.all(folders.filter((_, i) => isCase[i]).map(caseOfFolder));
  if (cases.length > 0) return cases;
  const { imageNames, leftOut } = await listFolder(input);
  if (imageNames.length > 0) return caseOfFiles(imageNames.map((name) => join(input, name)));
  throw sharedError(
    "INPUT_NOT_FOUND",
    `${input} holds neither images nor folders with inputs.json or images/${foundInstead(leftOut)}`,
  );
}

async function isInputFolder(path: string): Promise<boolean> {
  const found = await Promise.all(
    ["inputs.json", "images"].map((name) => stat(join(path, name)).catch(() => null)),
  );
  return found[0]?.isFile() === true || found[1]?.isDirectory() === true;
}

async function caseOfFolder(folder: string): Promise<TrialCase> {
  const images = (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => !entry.isDirectory() && splitImageEnding(entry.name) !== null)
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  return { name: basename(folder), images, folder };
}

function caseOfFiles(files: readonly string[]): readonly TrialCase[] {
  const groups = new Map<string, string[]>();
  for (const file of files) {
    const name = splitImageEnding(basename(file))!.stem.replace(/_\d{4}$/, "");
    groups.set(name, [...(groups.get(name) ?? []), file]);
  }
  return [...groups].map(([name, images]) => ({ name, images, folder: null }));
}

/** The name of a field in `inputs.json`: grand-challenge wrote `interface` until 2025, and writes `socket` since then. */
export type Spelling = "interface" | "socket";

export interface SocketInputOptions {
  readonly trialCase: TrialCase;
  /** An empty folder. */
  readonly folder: string;
  /** The slugs of the input sockets, channel by channel. */
  readonly slugs: readonly string[];
  readonly spelling: Spelling;
}

/**
 * Lays a case out as grand-challenge does: `images/<slug>/<uuid>.mha` and `inputs.json`. As after an upload, what is no
 * MetaImage or TIFF becomes a MetaImage. A folder that is laid out already is left as it is.
 */
export async function layOutSockets(options: SocketInputOptions): Promise<void> {
  const { trialCase, folder, slugs, spelling } = options;
  if (trialCase.folder !== null) return linkAll(trialCase.folder, folder);
  if (slugs.length !== trialCase.images.length)
    throw sharedError(
      "USAGE",
      `case ${trialCase.name} has ${counted(trialCase.images.length, "image")}, but there ${slugs.length === 1 ? "is" : "are"} ${counted(slugs.length, "input socket")} (${slugs.join(", ")}); name them with --socket, one for each channel`,
    );
  const values = [];
  for (const [channel, image] of trialCase.images.entries()) {
    const slug = slugs[channel]!;
    const ending = /\.(mha|tiff?)$/i.test(image) ? extname(image) : ".mha";
    const name = `${uuidOf(trialCase.name, channel)}${ending}`;
    const path = join(folder, "images", slug, name);
    await makeFolder(dirname(path));
    if (ending === ".mha" && extname(image) !== ".mha") await writeImage(await readImage(image), path);
    else await symlink(image, path);
    const socket = { slug, kind: "Image", super_kind: "Image", relative_path: `images/${slug}` };
    const kinds = {
      is_image_kind: true,
      is_dicom_image_kind: false,
      is_json_kind: false,
      is_file_kind: false,
    };
    values.push({
      file: null,
      image: { name: basename(image) },
      value: null,
      ...(spelling === "interface" ? { interface: socket } : { socket: { ...socket, ...kinds } }),
    });
  }
  await writeFile(join(folder, "inputs.json"), JSON.stringify(values));
}

/** Links to everything in a folder. */
export async function linkAll(from: string, to: string): Promise<void> {
  for (const name of await readdir(from)) await symlink(join(from, name), join(to, name));
}

/** Returns a UUID that is the same for the same case, so that a run can be repeated. */
function uuidOf(name: string, channel: number): string {
  const hex = createHash("sha256").update(`${name}\0${channel}`).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
