import { join } from "node:path";
import { imageError } from "../../../processor/imaging/errors.js";
import { readImage } from "../../../processor/imaging/formats/read-image.js";
import { labelsOf } from "../../../processor/imaging/formats/read-label-map.js";
import { writeImage } from "../../../processor/imaging/formats/write-image.js";
import { voxelCount, type Zyx } from "../../../processor/imaging/volume/axes.js";
import { type Geometry, identityDirection } from "../../../processor/imaging/volume/geometry.js";
import type { Image } from "../../../processor/imaging/volume/image.js";
import { nnunetError } from "../../ground/errors/nnunet-errors.js";
import type { PictureCase } from "./picture-cases.js";
import { type LabelChanges, relabel } from "./relabel.js";

export interface PictureSettings {
  /** Null for 999, 1, 1 of a picture, and for what the `.json` next to a volume says. */
  readonly spacingMmZyx: Zyx | null;
  /** Null to keep the labels. */
  readonly labelChanges: LabelChanges | null;
}

export interface PictureCaseWork {
  readonly source: string;
  readonly folder: string;
  readonly part: "Tr" | "Ts";
  readonly files: PictureCase;
  /** True for 3-D .tif files. */
  readonly volumes: boolean;
  readonly settings: PictureSettings;
}

const isTiff = (path: string): boolean => /\.tiff?$/i.test(path);

/** Returns whether a label file is a volume. A label has no colours, so several planes are slices. */
export async function isVolume(label: string): Promise<boolean> {
  if (!isTiff(label)) return false;
  const { geometry, components } = await readImage(label);
  return geometry.dimensions === 3 || components > 1;
}

/**
 * Writes each colour or file of a case as a channel of its own, and the label.
 *
 * @throws DATASET_INVALID, GEOMETRY_MISMATCH, and errors of images
 */
export async function writePictureCase(work: PictureCaseWork): Promise<void> {
  const { source, folder, part, files, volumes, settings } = work;
  const channels: Image[] = [];
  for (const name of files.images)
    channels.push(...channelsOf(await readPicture(join(source, `images${part}`, name), volumes)));
  const [first] = channels;
  const geometry = geometryOf(first!, volumes, settings);
  for (const [i, { voxels, geometry: own, source: file }] of channels.entries()) {
    requireSize(file.path, own, geometry);
    const name = `${files.id}_${String(i).padStart(4, "0")}.nii.gz`;
    await writeNifti(voxels, geometry, join(folder, `images${part}`, name));
  }
  if (files.label === null) return;
  const path = join(source, `labels${part}`, files.label);
  const label = await readPicture(path, volumes);
  if (label.components > 1)
    throw nnunetError(
      "DATASET_INVALID",
      `${path} has ${label.components} colours, but a label is one number`,
    );
  requireSize(path, label.geometry, geometry);
  const voxels = labelVoxels(label, volumes, settings);
  await writeNifti(voxels, geometry, join(folder, `labels${part}`, `${files.id}.nii.gz`));
}

/** Reads a picture as skimage does for v1, or a volume as tifffile does. */
async function readPicture(path: string, volumes: boolean): Promise<Image> {
  if (!isTiff(path)) return readImage(path);
  if (volumes) return readImage(path, { imageReader: "Tiff3DIO" });
  const image = await readImage(path);
  return image.geometry.dimensions === 2 ? image : readImage(path, { imageReader: "NaturalImage2DIO" });
}

function channelsOf(image: Image): readonly Image[] {
  const count = voxelCount(image.geometry.sizeZyx);
  return Array.from({ length: image.components }, (_, i) => ({
    ...image,
    components: 1,
    voxels: image.voxels.slice(i * count, (i + 1) * count) as Image["voxels"],
  }));
}

const geometryOf = ({ geometry }: Image, volumes: boolean, { spacingMmZyx }: PictureSettings): Geometry => ({
  sizeZyx: geometry.sizeZyx,
  spacingMmZyx: spacingMmZyx ?? (volumes ? geometry.spacingMmZyx : [999, 1, 1]),
  originMmXyz: [0, 0, 0],
  directionXyz: identityDirection,
  dimensions: 3,
});

function requireSize(path: string, { sizeZyx }: Geometry, wanted: Geometry): void {
  if (sizeZyx.join() === wanted.sizeZyx.join()) return;
  throw imageError(
    "GEOMETRY_MISMATCH",
    `${path}: its size is ${sizeZyx.join(" × ")} (z × y × x), but the case has ${wanted.sizeZyx.join(" × ")}`,
  );
}

/** v1 writes the labels of pictures as uint32, and those of volumes in their own type. */
function labelVoxels(
  { voxels, source }: Image,
  volumes: boolean,
  { labelChanges }: PictureSettings,
): Image["voxels"] {
  const labels = Uint16Array.from(labelsOf(voxels, source.path));
  if (labelChanges === null) return volumes ? voxels : Uint32Array.from(labels);
  relabel(labels, labelChanges);
  return volumes ? labelsOf(labels, source.path) : Uint32Array.from(labels);
}

const writeNifti = (voxels: Image["voxels"], geometry: Geometry, path: string): Promise<void> =>
  writeImage({ voxels, geometry, components: 1, source: { format: "nifti", path, nifti: null } }, path);
