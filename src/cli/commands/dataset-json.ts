import { join } from "node:path";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { makeFolder } from "../../../processor/files/make-folder.js";
import { supportedEndings } from "../../../processor/imaging/formats/image-ending.js";
import { requireAbsent } from "../../ground/files/output-file.js";
import { someOf } from "../../ground/some-of.js";
import { filesOf } from "../../nnunet/conversion/build-folder.js";
import { casesOfFolder, filesOfImages } from "../../nnunet/datasets/list-cases.js";
import type { CommandSession } from "../command-session.js";
import type { DatasetCommandArguments } from "./dataset-arguments.js";
import { namedChannels, writeNamedJson } from "./named-channels.js";
import { namedDatasets } from "./nnunet-datasets.js";

/** `build_processor dataset json DATASETS…`: writes dataset.json; cases and file ending come from imagesTr. */
export async function runDatasetJson(
  args: DatasetCommandArguments,
  { terminal }: CommandSession,
): Promise<number> {
  const named = namedChannels(args);
  if (named === null)
    throw sharedError(
      "USAGE",
      "dataset json needs --channel and --label, such as --channel CT --label background=0 liver=1",
    );
  const reports: object[] = [];
  for (const { name, rawFolder } of await namedDatasets(args, terminal)) {
    const path = join(rawFolder, "dataset.json");
    if (!args.overwrite) await requireAbsent(path, "; --overwrite replaces it");
    const images = join(rawFolder, "imagesTr");
    const names = await filesOfImages(images);
    const endings = args.nnunet === "v1" ? [".nii.gz"] : supportedEndings;
    const fileEnding = endings.find((ending) => names.some((file) => file.endsWith(`_0000${ending}`)));
    if (fileEnding === undefined)
      throw sharedError(
        "INPUT_NOT_FOUND",
        `${images} has no images named <case>_0000.nii.gz or the like; it ${names.length === 0 ? "is empty" : `has ${someOf(names.toSorted())}`}`,
      );
    const cases = casesOfFolder({ folder: rawFolder, fileEnding }, names);
    const tests = (await filesOf(join(rawFolder, "imagesTs"))) ?? [];
    const contents = {
      name: args.name ?? name,
      fileEnding,
      training: cases.map(({ id }) => id),
      test: casesOfFolder({ folder: rawFolder, fileEnding }, tests).map(({ id }) => id),
    };
    await makeFolder(rawFolder);
    await writeNamedJson(path, named, { contents, args });
    reports.push({ dataset: name, file: path, cases: cases.length, fileEnding });
    if (!args.json) terminal.out(`${name}\n  written to ${path}: ${cases.length} cases of ${fileEnding}\n`);
  }
  if (args.json) terminal.out(`${JSON.stringify(reports, null, 2)}\n`);
  return 0;
}
