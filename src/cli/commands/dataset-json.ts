import { join } from "node:path";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { makeFolder } from "../../../processor/files/make-folder.js";
import { supportedEndings } from "../../../processor/imaging/formats/image-ending.js";
import { requireAbsent } from "../../ground/files/output-file.js";
import { filesOf } from "../../nnunet/conversion/build-folder.js";
import { generateDatasetJson } from "../../nnunet/datasets/generate-dataset-json.js";
import { casesOfFolder } from "../../nnunet/datasets/list-cases.js";
import { writePythonJson } from "../../nnunet/files/write-json.js";
import type { CommandSession } from "../command-session.js";
import type { DatasetCommandArguments } from "./dataset-arguments.js";
import { namedDatasetsV2 } from "./nnunet-datasets.js";

/** `build_processor dataset json DATASETS…`: writes dataset.json; cases and file ending come from imagesTr. */
export async function runDatasetJson(
  args: DatasetCommandArguments,
  { terminal }: CommandSession,
): Promise<number> {
  const { channel = [], label = [] } = args;
  if (channel.length === 0 || label.length === 0)
    throw sharedError(
      "USAGE",
      "dataset json needs --channel and --label, such as --channel CT --label background=0 liver=1",
    );
  const labels = label.map(labelOf);
  const reports: object[] = [];
  for (const { name, rawFolder } of await namedDatasetsV2(args, terminal)) {
    const path = join(rawFolder, "dataset.json");
    if (!args.overwrite) await requireAbsent(path, "; --overwrite replaces it");
    const names = (await filesOf(join(rawFolder, "imagesTr"))) ?? [];
    const fileEnding = supportedEndings.find((ending) =>
      names.some((file) => file.endsWith(`_0000${ending}`)),
    );
    if (fileEnding === undefined)
      throw sharedError(
        "INPUT_NOT_FOUND",
        `${join(rawFolder, "imagesTr")} has no images named <case>_0000.nii.gz or the like`,
      );
    const cases = casesOfFolder({ folder: rawFolder, fileEnding }, names);
    const json = generateDatasetJson({
      channelNames: channel,
      labels,
      caseCount: cases.length,
      fileEnding,
      regionsClassOrder: args["regions-class-order"] ?? null,
      licence: null,
      convertedBy: null,
      name: args.name ?? name,
      reference: null,
      release: null,
      hasCitation: false,
      description: null,
      imageReader: null,
      further: [],
    });
    await makeFolder(rawFolder);
    await writePythonJson(path, json, { sortKeys: false });
    reports.push({ dataset: name, file: path, cases: cases.length, fileEnding });
    if (!args.json) terminal.out(`${name}\n  written to ${path}: ${cases.length} cases of ${fileEnding}\n`);
  }
  if (args.json) terminal.out(`${JSON.stringify(reports, null, 2)}\n`);
  return 0;
}

/** Reads `liver=1` or `liver_and_tumour=1,2`. */
function labelOf(word: string): readonly [name: string, value: number | readonly number[]] {
  const [, name, values] = /^([^=]+)=(\d{1,5}(?:,\d{1,5})*)$/.exec(word) ?? [];
  if (name === undefined || values === undefined)
    throw sharedError("USAGE", `--label takes words such as liver=1 or liver_and_tumour=1,2, not ${word}`);
  const numbers = values.split(",").map(Number);
  return [name, numbers.length === 1 ? numbers[0]! : numbers];
}
