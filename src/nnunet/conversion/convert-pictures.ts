import { join } from "node:path";
import { makeFolder } from "../../../processor/files/make-folder.js";
import { splitImageEnding } from "../../../processor/imaging/formats/image-ending.js";
import { readImage } from "../../../processor/imaging/formats/read-image.js";
import { readLabelMap } from "../../../processor/imaging/formats/read-label-map.js";
import { writeImage } from "../../../processor/imaging/formats/write-image.js";
import { nnunetError } from "../../ground/errors/nnunet-errors.js";
import { readJsonObject } from "../files/read-json.js";
import { writePythonJson } from "../files/write-json.js";
import type { PythonJson } from "../python-json.js";
import { buildFolder, filesOf } from "./build-folder.js";
import type { Conversion } from "./convert-dataset.js";
import { writeChannels } from "./split-channels.js";

const pictureEnding = /\.(?:png|bmp|tiff?)$/i;

/**
 * Converts a folder of 2-D pictures (.png, .bmp, .tif) or 3-D .tif files to .nii.gz, as the conversion scripts of nnU-Net v1
 * do: each colour becomes a channel, and a picture one slice with pixels of 1 mm, 999 mm thick. Labels keep their values.
 *
 * @throws DATASET_INVALID, OUTPUT_EXISTS, and errors of images
 */
export async function convertPictures({
  source,
  target,
  tools: { progress, signal },
}: Conversion): Promise<void> {
  const images = await picturesOf(source, "imagesTr");
  const labels = await picturesOf(source, "labelsTr");
  const raw = await readJsonObject(join(source, "dataset.json"));
  await buildFolder(target, async (folder) => {
    const task = progress.start({ label: "converting", total: images.length, unit: "cases" });
    for (const name of ["imagesTr", "labelsTr"]) await makeFolder(join(folder, name));
    try {
      for (const image of images) {
        signal.throwIfAborted();
        await convertCase({ source, folder, image, labels });
        task.advance(1);
      }
    } finally {
      task.done();
    }
    if (raw !== null) {
      const json = new Map<string, PythonJson>([
        ...(raw as ReadonlyMap<string, PythonJson>),
        ["file_ending", ".nii.gz"],
      ]);
      await writePythonJson(join(folder, "dataset.json"), json, { sortKeys: false });
    }
  });
}

async function picturesOf(source: string, name: string): Promise<readonly string[]> {
  const files = await filesOf(join(source, name));
  const pictures = files?.filter((file) => pictureEnding.test(file)) ?? [];
  if (pictures.length > 0) return pictures;
  throw nnunetError("DATASET_INVALID", `${join(source, name)} has no .png, .bmp or .tif files`);
}

interface PictureCase {
  readonly source: string;
  readonly folder: string;
  readonly image: string;
  readonly labels: readonly string[];
}

async function convertCase({ source, folder, image, labels }: PictureCase): Promise<void> {
  const stem = splitImageEnding(image)!.stem;
  const [, base = stem, number] = /^(.*)_(\d{4})$/.exec(stem) ?? [];
  const picture = await readImage(join(source, "imagesTr", image));
  if (picture.components > 1 && number !== undefined && number !== "0000")
    throw nnunetError(
      "DATASET_INVALID",
      `${image} has ${picture.components} colours, so it must be channel 0000 of its case`,
    );
  if (number === undefined || number === "0000") await writeChannels(picture, join(folder, "imagesTr"), base);
  else await writeImage(picture, join(folder, "imagesTr", `${stem}.nii.gz`));
  if (number !== undefined && number !== "0000") return;
  const label = labels.find((name) => splitImageEnding(name)!.stem === base);
  if (label === undefined) throw nnunetError("DATASET_INVALID", `${image} has no label ${base} in labelsTr`);
  const { voxels, geometry } = await readLabelMap(join(source, "labelsTr", label), picture.geometry);
  await writeImage(
    { voxels, geometry, components: 1, source: picture.source },
    join(folder, "labelsTr", `${base}.nii.gz`),
  );
}
