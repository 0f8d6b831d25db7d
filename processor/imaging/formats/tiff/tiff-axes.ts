import { imageError } from "../../errors.js";
import type { Zyx } from "../../volume/axes.js";
import type { TiffVolume } from "./tiff-volume.js";

/** The meaning of the axes of a TIFF file's array. */
export interface TiffArrangement {
  readonly sizeZyx: Zyx;
  readonly components: number;
  /** False if they come first, plane after plane. */
  readonly areComponentsLast: boolean;
  readonly dimensions: 2 | 3;
}

/**
 * Returns what the axes mean to the model's reader.
 *
 * NaturalImage2DIO accepts y × x, or three axes of which the last (to which skimage moves it) or the first has 3 or 4
 * colours. Tiff3DIO takes any three axes as z × y × x, because tifffile marks three slices as colours too.
 *
 * @param imageReader null without a model; then samples are components and pages are slices
 * @throws IMAGE_UNSUPPORTED for a shape that nnU-Net refuses as well
 */
export function arrangeTiff(
  path: string,
  { shape, pages: [page] }: TiffVolume,
  imageReader: string | null,
): TiffArrangement {
  const refuse = (wanted: string): never => {
    throw imageError(
      "IMAGE_UNSUPPORTED",
      `${path}: its axes are ${shape.join(" × ")}; ${imageReader ?? "a model"} takes ${wanted}`,
    );
  };
  const [first = 1, second = 1, third = 1] = shape;
  const flat = { components: 1, areComponentsLast: false, dimensions: 2 } as const;
  const volume = { components: 1, areComponentsLast: false, dimensions: 3 } as const;
  if (imageReader === "Tiff3DIO") {
    return shape.length === 3 ? { ...volume, sizeZyx: [first, second, third] } : refuse("z × y × x");
  }
  if (shape.length === 2) return { ...flat, sizeZyx: [1, first, second] };
  if (imageReader === "NaturalImage2DIO") {
    if (shape.length !== 3) refuse("y × x, or y × x with 3 or 4 colours");
    if (isColours(third))
      return { ...flat, sizeZyx: [1, first, second], components: third, areComponentsLast: true };
    if (isColours(first)) return { ...flat, sizeZyx: [1, second, third], components: first };
    return refuse("y × x, or y × x with 3 or 4 colours");
  }
  const isColoured = page.samplesPerPixel > 1;
  if (shape.length === 3 && !isColoured) return { ...volume, sizeZyx: [first, second, third] };
  if (shape.length === 3 && page.isPlanar) return { ...flat, sizeZyx: [1, second, third], components: first };
  if (shape.length === 3)
    return { ...flat, sizeZyx: [1, first, second], components: third, areComponentsLast: true };
  if (shape.length === 4 && isColoured && !page.isPlanar)
    return { ...volume, sizeZyx: [first, second, third], components: shape[3]!, areComponentsLast: true };
  return refuse("z × y × x, y × x, or one of these with colours");
}

const isColours = (size: number): boolean => size === 3 || size === 4;
