import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import type { InferredOptionTypes } from "yargs";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { whyNotFound } from "../../../processor/files/why-unreadable.js";
import { nnunetError } from "../../ground/errors/nnunet-errors.js";
import { openModelSource } from "../../model-source/open-model-source.js";
import { unpackSource } from "../../model-source/unpack-source.js";
import { sourceContext } from "../../models/obtain-model.js";
import { nnunetFolders, requireFolder } from "../../nnunet/folders.js";
import { checkExport } from "../../nnunet/model-files/check-export.js";
import type { CommandSession } from "../command-session.js";
import { jsonText } from "../json-text.js";
import type { importModelOptions } from "../options/model-file-options.js";

type ImportArguments = InferredOptionTypes<typeof importModelOptions> & { readonly archive: string };

/** `build_processor import-model`: unpacks an exported model into nnU-Net's folder of trained models. */
export async function runImportModel(args: ImportArguments, session: CommandSession): Promise<number> {
  const { terminal, environment, currentDirectory, progress } = session;
  const folders = nnunetFolders({ environment, currentDirectory }, args.nnunet === "v1" ? 1 : 2);
  const folder = requireFolder(folders, "results");
  const place = placeOf(String(args.archive), currentDirectory);
  if (!isAddress(place)) await requireFile(place);
  const source = await openModelSource(place, await sourceContext(args["zenodo-url"] ?? null, session));
  try {
    const paths = (await source.inventory()).map(({ path }) => path);
    checkExport(source.address, paths, folders.version);
    const files = await unpackSource(source, folder, { progress });
    terminal.out(args.json ? jsonText({ folder, files }) : `${files.length} files  ${folder}\n`);
  } finally {
    await source.close();
  }
  return 0;
}

const isAddress = (archive: string): boolean => /^(?:https?|zenodo):/.test(archive);

/** Returns the place of an archive: an address as it is, a path from the current folder. */
const placeOf = (archive: string, currentDirectory: string): string =>
  isAddress(archive) ? archive : resolve(currentDirectory, archive);

async function requireFile(path: string): Promise<void> {
  const found = await stat(path).catch(async (cause: unknown) => {
    throw sharedError("INPUT_NOT_FOUND", `${path}${await whyNotFound(path, cause)}`, { cause });
  });
  if (found.isDirectory()) throw nnunetError("EXPORT_INVALID", `${path} is a folder, not a zip file`);
}
