import { stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { whyNotFound } from "../../../processor/files/why-unreadable.js";
import { nnunetError } from "../../ground/errors/nnunet-errors.js";
import {
  type Conversion,
  convertDecathlon,
  convertDecathlonToTask,
  convertTask,
  decathlonName,
} from "../../nnunet/conversion/convert-dataset.js";
import { namesWithNumber } from "../../nnunet/find-dataset.js";
import { type NnunetFolders, requireFolder } from "../../nnunet/folders.js";
import type { CommandSession } from "../command-session.js";
import { convertPictureFolder } from "./convert-picture-folder.js";
import type { DatasetCommandArguments } from "./dataset-arguments.js";
import { foldersFor } from "./nnunet-datasets.js";

type SourceKind = NonNullable<DatasetCommandArguments["from"]>;

/** `build_processor dataset convert FOLDERS…`: makes data sets of nnU-Net from other folders. */
export async function runConvertDataset(
  args: DatasetCommandArguments,
  { terminal, progress, signal }: CommandSession,
): Promise<number> {
  const sources = [...(args.datasets ?? []), ...(args.dataset ?? [])];
  if (sources.length === 0) throw sharedError("USAGE", "dataset convert needs the folder to convert");
  if (sources.length > 1 && (args.name !== undefined || args.id !== undefined))
    throw sharedError("USAGE", "--name and --id name one data set, but several folders are to be converted");
  const forPictures = (["spacing", "relabel", "channel", "label"] as const).find(
    (flag) => args[flag] !== undefined && args.from !== "pictures",
  );
  if (forPictures !== undefined)
    throw sharedError("USAGE", `--${forPictures} is for \`dataset convert --from pictures\``);
  const folders = foldersFor(args, terminal);
  const raw = requireFolder(folders, "raw");
  const reports: object[] = [];
  for (const word of sources) {
    const source = resolve(terminal.currentDirectory, word);
    await stat(source).catch(async (cause: unknown) => {
      throw sharedError("INPUT_NOT_FOUND", `${source}${await whyNotFound(source, cause)}`, { cause });
    });
    const kind = args.from ?? kindOf(source);
    const name = await targetName({ args, source, kind, folders });
    const target = join(raw, name);
    const conversion = { source, target, tools: { progress, signal } };
    if (kind === "pictures") await convertPictureFolder(args, { ...conversion, name });
    else await converterOf(kind, folders)(conversion);
    reports.push({ source, kind, dataset: name, folder: target });
    if (!args.json) terminal.out(`${name}\n  written to ${target}\n`);
  }
  if (args.json) terminal.out(`${JSON.stringify(reports, null, 2)}\n`);
  return 0;
}

function kindOf(source: string): SourceKind {
  const name = basename(source);
  if (/^Task\d{3}_/.test(name)) return "v1-task";
  if (/^Task\d/.test(name)) return "decathlon";
  if (/^Dataset\d{3}_/.test(name))
    throw sharedError(
      "USAGE",
      `${name} is a data set of nnU-Net v2 already, by its name; --from says what else it is`,
    );
  throw sharedError(
    "USAGE",
    `${name} is neither a Decathlon folder (Task07_…) nor a task of nnU-Net v1 (Task007_…); --from says what it is`,
  );
}

function converterOf(
  kind: SourceKind,
  { version }: NnunetFolders,
): (conversion: Conversion) => Promise<void> {
  if (kind === "decathlon") return version === 1 ? convertDecathlonToTask : convertDecathlon;
  if (version === 2) return convertTask;
  throw sharedError("USAGE", "a task of nnU-Net v1 is converted to v2; leave out --nnunet v1");
}

interface NameQuestion {
  readonly args: DatasetCommandArguments;
  readonly source: string;
  readonly kind: SourceKind;
  readonly folders: NnunetFolders;
}

/**
 * Returns the name of the new data set.
 *
 * @throws USAGE, DATASET_AMBIGUOUS if its number is in use
 */
async function targetName({ args, source, kind, folders }: NameQuestion): Promise<string> {
  const prefix = folders.version === 1 ? "Task" : "Dataset";
  if (args.name !== undefined) {
    if (/[\\/\0]|^\.*$/.test(args.name))
      throw sharedError("USAGE", `--name must be a name, not a path: ${args.name}`);
    if (args.id === undefined && !new RegExp(`^${prefix}\\d{3}_.`).test(args.name))
      throw sharedError(
        "USAGE",
        `--name must be ${prefix}, three digits, _ and a name, as in ${prefix}007_Pancreas, but is ${args.name}; with --id, the name alone is enough`,
      );
    if (args.id === undefined) return args.name;
  }
  const parts =
    args.name === undefined
      ? sourceParts(basename(source), kind, { id: args.id, version: folders.version })
      : { number: args.id!, name: args.name };
  const number = args.id ?? parts.number;
  if (!Number.isInteger(number) || number < 0 || number > 999)
    throw sharedError("USAGE", `--id must be a whole number from 0 to 999, but is ${number}`);
  const taken = await namesWithNumber(number, folders);
  if (taken.length > 0)
    throw nnunetError(
      "DATASET_AMBIGUOUS",
      `the number ${number} is taken by ${taken.join(", ")}; --id chooses another`,
    );
  return `${prefix}${String(number).padStart(3, "0")}_${parts.name}`;
}

function sourceParts(
  folderName: string,
  kind: SourceKind,
  { id, version }: { readonly id: number | undefined; readonly version: NnunetFolders["version"] },
) {
  if (kind === "decathlon") return decathlonName(folderName, version);
  const [, number, name] = /^(?:Task|Dataset)(\d{3})_(.+)$/.exec(folderName) ?? [];
  if (number !== undefined && name !== undefined) return { number: Number(number), name };
  if (id !== undefined) return { number: id, name: folderName.replace(/\W+/g, "_") };
  throw sharedError("USAGE", `${folderName} has no number; --id or --name names the new data set`);
}
