import type { NVImage } from "@niivue/niivue";
import { type LabelStatistics, labelStatistics } from "../labels/label-statistics.js";
import { labelColour, type Rgb } from "../labels/palette.js";

/** A label of a scan, with what the label list shows. */
export interface ShownLabel extends LabelStatistics {
  readonly name: string;
  readonly colour: Rgb;
}

/** Numbers of NIfTI-1: data types, and what the values of an image mean. */
const nifti = { uint8: 2, uint16: 512, noIntent: 0, labelIntent: 1002 } as const;

/** The largest label for which NiiVue makes a table of colours that is small. */
const maxLabel = 255;

/**
 * Measures the labels of a label map and gives each a name and a colour. Known labels keep their colour when one of them is
 * empty, because a colour goes with the place in the list of names.
 */
export function shownLabels(image: NVImage, names: ReadonlyMap<number, string>): readonly ShownLabel[] {
  const [x, y, z] = sizeXyz(image);
  const [, dx = 1, dy = 1, dz = 1] = image.hdr!.pixDims;
  const voxelVolumeMm3 = Math.abs(dx * dy * dz);
  const statistics = labelStatistics({ voxels: image.img!, sizeXyz: [x, y, z], voxelVolumeMm3 });
  const known = [...names.keys()].filter((label) => label !== 0).sort((a, b) => a - b);
  const all = [...new Set([...known, ...statistics.map(({ label }) => label)])];
  return statistics.map((found) => ({
    ...found,
    name: names.get(found.label) ?? `Label ${found.label}`,
    colour: labelColour(all.indexOf(found.label)),
  }));
}

export function sizeXyz(image: NVImage): readonly [number, number, number] {
  const [, x = 1, y = 1, z = 1] = image.hdr!.dims;
  return [x, y, Math.max(z, 1)];
}

/**
 * Sets the colours of a label map, and returns which label each voxel value means from then on. Labels that are too large
 * for a table of colours get other numbers.
 */
export function colourLabels(image: NVImage, labels: readonly ShownLabel[]): ReadonlyMap<number, ShownLabel> {
  const isDense = labels.every(({ label }) => Number.isInteger(label) && label > 0 && label <= maxLabel);
  const shown = new Map(labels.map(({ label }, i) => [label, isDense ? label : i + 1]));
  if (!isDense) renumber(image, shown);
  setOutlinable(image, false);
  image.setColormapLabel({
    R: [0, ...labels.map(({ colour }) => colour[0])],
    G: [0, ...labels.map(({ colour }) => colour[1])],
    B: [0, ...labels.map(({ colour }) => colour[2])],
    A: [0, ...labels.map(() => 255)],
    I: [0, ...labels.map(({ label }) => shown.get(label)!)],
  });
  return new Map(labels.map((label) => [shown.get(label.label)!, label]));
}

/** NiiVue draws outlines only of images that say that they hold labels, and it makes the borders of those transparent. */
export function setOutlinable(labelMap: NVImage, isOutlinable: boolean): void {
  labelMap.hdr!.intent_code = isOutlinable ? nifti.labelIntent : nifti.noIntent;
}

function renumber(image: NVImage, shown: ReadonlyMap<number, number>): void {
  const from = image.img!;
  const to = shown.size > 255 ? new Uint16Array(from.length) : new Uint8Array(from.length);
  for (let i = 0; i < from.length; i++) to[i] = shown.get(from[i]!) ?? 0;
  image.img = to;
  image.hdr!.datatypeCode = shown.size > 255 ? nifti.uint16 : nifti.uint8;
  image.hdr!.numBitsPerVoxel = shown.size > 255 ? 16 : 8;
  image.hdr!.scl_slope = 1;
  image.hdr!.scl_inter = 0;
}
