import { resolve } from "node:path";
import type { InferredOptionTypes } from "yargs";
import { openModelSource } from "../../model-source/open-model-source.js";
import { unpackSource } from "../../model-source/unpack-source.js";
import { sourceContext } from "../../models/obtain-model.js";
import { nnunetFolders, requireFolder } from "../../nnunet/folders.js";
import type { CommandSession } from "../command-session.js";
import { jsonText } from "../json-text.js";
import type { importModelOptions } from "../options/model-file-options.js";

type ImportArguments = InferredOptionTypes<typeof importModelOptions> & { readonly archive: string };

/** `build_processor import-model`: unpacks an exported model into nnU-Net's folder of trained models. */
export async function runImportModel(args: ImportArguments, session: CommandSession): Promise<number> {
  const { terminal, environment, currentDirectory, progress } = session;
  const folders = nnunetFolders({ environment, currentDirectory }, args.nnunet === "v1" ? 1 : 2);
  const folder = requireFolder(folders, "results");
  const source = await openModelSource(
    placeOf(String(args.archive), currentDirectory),
    await sourceContext(args["zenodo-url"] ?? null, session),
  );
  try {
    const files = await unpackSource(source, folder, { progress });
    terminal.out(args.json ? jsonText({ folder, files }) : `${files.length} files  ${folder}\n`);
  } finally {
    await source.close();
  }
  return 0;
}

/** Returns the place of an archive: an address as it is, a path from the current folder. */
const placeOf = (archive: string, currentDirectory: string): string =>
  /^(?:https?|zenodo):/.test(archive) ? archive : resolve(currentDirectory, archive);
