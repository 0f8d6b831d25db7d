import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { nnunetError } from "../../ground/errors/nnunet-errors.js";
import { someOf } from "../../ground/some-of.js";
import { buildFolder, filesOf } from "./build-folder.js";
import type { Conversion } from "./convert-dataset.js";
import { isVolume, type PictureSettings, writePictureCase } from "./convert-picture-case.js";
import { meaningOfNumbers, type PictureCase, pictureCases } from "./picture-cases.js";

const pictureEnding = /\.(?:png|bmp|tiff?)$/i;

export interface PictureConversion extends Conversion {
  readonly settings: PictureSettings;
  /** Writes dataset.json into the new folder. */
  readonly writeJson: (folder: string, counts: CaseCounts) => Promise<void>;
}

/** The cases of the new data set, in nnU-Net's order. */
export interface CaseCounts {
  readonly training: readonly string[];
  readonly test: readonly string[];
}

/**
 * Converts a folder of 2-D pictures (.png, .bmp, .tif) or 3-D .tif files to .nii.gz, as the conversion scripts of nnU-Net v1
 * do: each colour becomes a channel, and a picture one slice with pixels of 1 mm, 999 mm thick. Training pictures without a
 * label are left out, as in v1's scripts.
 *
 * @throws DATASET_INVALID, OUTPUT_EXISTS, and errors of images
 */
export async function convertPictures(conversion: PictureConversion): Promise<void> {
  const { source, target, tools, settings, writeJson } = conversion;
  const images = await picturesIn(source, "imagesTr");
  const labels = await picturesIn(source, "labelsTr");
  if (images.length === 0 || labels.length === 0)
    throw nnunetError(
      "DATASET_INVALID",
      `${join(source, images.length === 0 ? "imagesTr" : "labelsTr")} has no .png, .bmp or .tif files`,
    );
  const names = meaningOfNumbers(images, labels);
  const all = pictureCases(images, labels, names);
  const training = all.filter(({ label }) => label !== null);
  if (training.length === 0)
    throw nnunetError(
      "DATASET_INVALID",
      `${join(source, "labelsTr")} has no label for ${images[0]}: it should have the name of its picture, such as road_1.png for road_1.png or road_1_0000.png`,
    );
  if (training.length < all.length)
    tools.progress.note(
      `${all.length - training.length} of ${all.length} pictures in imagesTr have no label and are left out: ${withoutLabel(all)}`,
    );
  const test = pictureCases(
    await picturesIn(source, "imagesTs"),
    await picturesIn(source, "labelsTs"),
    names,
  );
  const volumes = await isVolume(join(source, "labelsTr", training[0]!.label!));
  await buildFolder(target, async (folder) => {
    const total = training.length + test.length;
    const task = tools.progress.start({ label: "converting", total, unit: "cases" });
    try {
      for (const [part, cases] of [
        ["Tr", training],
        ["Ts", test],
      ] as const) {
        if (cases.length > 0) await mkdir(join(folder, `images${part}`));
        if (cases.some(({ label }) => label !== null)) await mkdir(join(folder, `labels${part}`));
        for (const files of cases) {
          tools.signal.throwIfAborted();
          await writePictureCase({ source, folder, part, files, volumes, settings });
          task.advance(1);
        }
      }
    } finally {
      task.done();
    }
    await writeJson(folder, { training: idsOf(training), test: idsOf(test) });
  });
}

const idsOf = (cases: readonly PictureCase[]): readonly string[] => cases.map(({ id }) => id);

const withoutLabel = (cases: readonly PictureCase[]): string =>
  someOf(idsOf(cases.filter(({ label }) => label === null)));

async function picturesIn(source: string, name: string): Promise<readonly string[]> {
  return (await filesOf(join(source, name)))?.filter((file) => pictureEnding.test(file)) ?? [];
}
