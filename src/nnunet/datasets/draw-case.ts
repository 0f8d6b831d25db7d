import { PNG } from "pngjs";
import { reorients } from "../../../processor/contract/reader-class.js";
import { writeFileWhole } from "../../../processor/files/write-file.js";
import { imageError } from "../../../processor/imaging/errors.js";
import { inRas } from "../../../processor/imaging/volume/turn-image.js";
import { labelColour } from "../overlays/overlay.js";
import { percentile } from "../planning/percentile.js";
import { type ImageReaderName, readWith } from "./image-reader.js";

/** One case to draw, in a worker thread. */
export interface DrawCaseTask {
  readonly imageFile: string;
  /** Null for a case without labels. */
  readonly labelFile: string | null;
  readonly reader: ImageReaderName;
  readonly target: string;
}

/** The longest side of a plane in the picture, in pixels. */
const longestSide = 256;

/** How strong the colours of labels are. */
const opacity = 0.5;

/** A plane through the volume: the axis that it is perpendicular to, and those that go down and to the right. */
const planes = [
  { through: 0, down: 1, right: 2 },
  { through: 1, down: 0, right: 2 },
  { through: 2, down: 0, right: 1 },
] as const;

interface Volume {
  readonly values: ArrayLike<number | bigint>;
  /** The numbers between voxels that are stored one after the other, for images with several components. */
  readonly components: number;
  readonly sizeZyx: readonly number[];
  readonly spacingMmZyx: readonly number[];
}

/**
 * Writes a PNG with a plane of a case in each direction, in true proportions, where most of the labels are.
 *
 * @throws GEOMETRY_MISMATCH if image and labels have different sizes; the errors of `readImage`
 */
export async function drawCase({ imageFile, labelFile, reader, target }: DrawCaseTask): Promise<void> {
  const image = await volumeOf(imageFile, reader);
  const labels = labelFile === null ? null : await volumeOf(labelFile, reader);
  if (labels !== null && labels.sizeZyx.join() !== image.sizeZyx.join())
    throw imageError(
      "GEOMETRY_MISMATCH",
      `${labelFile} has ${labels.sizeZyx.join(" × ")} voxels (z × y × x), but ${imageFile} has ${image.sizeZyx.join(" × ")}`,
    );
  const isFlat = image.sizeZyx[0] === 1;
  const panels = (isFlat ? planes.slice(0, 1) : planes).map((plane) =>
    panelOf({ image, labels }, plane, labels === null ? null : fullest(labels, plane.through)),
  );
  const height = Math.max(...panels.map((panel) => panel.height));
  const width = panels.reduce((sum, panel) => sum + panel.width, 0);
  const png = new PNG({ width, height });
  for (let i = 3; i < png.data.length; i += 4) png.data[i] = 255;
  let left = 0;
  for (const panel of panels) {
    PNG.bitblt(panel, png, 0, 0, panel.width, panel.height, left, 0);
    left += panel.width;
  }
  await writeFileWhole(target, [PNG.sync.write(png)]);
}

async function volumeOf(path: string, reader: ImageReaderName): Promise<Volume> {
  const read = await readWith(reader, path);
  const { voxels, components, geometry } = reorients(reader) ? inRas(read) : read;
  return { values: voxels, components, sizeZyx: geometry.sizeZyx, spacingMmZyx: geometry.spacingMmZyx };
}

const strides = ([, rows, columns]: readonly number[]): readonly number[] => [rows! * columns!, columns!, 1];

/** Returns the plane with the most voxels of labels; the middle one if there are none. */
function fullest({ values, components, sizeZyx }: Volume, through: number): number {
  const counts = new Uint32Array(sizeZyx[through]!);
  const step = strides(sizeZyx)[through]!;
  const size = sizeZyx[through]!;
  for (let i = 0; i * components < values.length; i++)
    if (Number(values[i * components]) > 0) counts[Math.floor(i / step) % size]!++;
  const most = counts.reduce((best, count) => Math.max(best, count), 0);
  return most === 0 ? Math.floor(size / 2) : counts.indexOf(most);
}

function panelOf(
  { image, labels }: { readonly image: Volume; readonly labels: Volume | null },
  { through, down, right }: (typeof planes)[number],
  chosen: number | null,
): PNG {
  const { sizeZyx, spacingMmZyx } = image;
  const at = chosen ?? Math.floor(sizeZyx[through]! / 2);
  const [heightMm, widthMm] = [down, right].map((axis) => sizeZyx[axis]! * spacingMmZyx[axis]!) as [
    number,
    number,
  ];
  const scale = longestSide / Math.max(heightMm, widthMm);
  const [height, width] = [heightMm, widthMm].map((mm) => Math.max(1, Math.round(mm * scale))) as [
    number,
    number,
  ];
  const step = strides(sizeZyx);
  const places = Array.from({ length: height * width }, (_, pixel) => {
    const row = Math.floor(((Math.floor(pixel / width) + 0.5) * sizeZyx[down]!) / height);
    const column = Math.floor((((pixel % width) + 0.5) * sizeZyx[right]!) / width);
    return at * step[through]! + row * step[down]! + column * step[right]!;
  });
  const shown = places.map((place) => Number(image.values[place * image.components]));
  const finite = shown.filter(Number.isFinite);
  // A few bright voxels, such as metal, must not make all others dark.
  const [low, high] = finite.length === 0 ? [0, 1] : [percentile(finite, 1), percentile(finite, 99)];
  const png = new PNG({ width, height });
  // Volumes are stored from the feet upwards; a flat image from the top.
  const isUpright = down === 0;
  places.forEach((place, pixel) => {
    const grey = Math.min(1, Math.max(0, (shown[pixel]! - low) / Math.max(high - low, 1e-9))) * 255;
    const label = labels === null ? 0 : Number(labels.values[place * labels.components]);
    const colour = label > 0 ? labelColour(label) : null;
    const row = Math.floor(pixel / width);
    const to = ((isUpright ? height - 1 - row : row) * width + (pixel % width)) * 4;
    for (let c = 0; c < 3; c++)
      png.data[to + c] = Math.round(colour === null ? grey : grey * (1 - opacity) + colour[c]! * opacity);
    png.data[to + 3] = 255;
  });
  return png;
}
