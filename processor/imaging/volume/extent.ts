import type { Geometry } from "./geometry.js";

/**
 * The size of a group of voxels: a volume, or an area in a flat image, because nnU-Net invents the z spacing of a flat
 * image for resampling.
 */
export type Extent = { readonly millilitres: number } | { readonly squareMillimetres: number };

/**
 * Returns the extent of a number of voxels.
 *
 * @example extentOf(5, geometry) // { millilitres: 0.05 } for voxels of 10 mm³
 */
export function extentOf(voxels: number, { spacingMmZyx, dimensions }: Geometry): Extent {
  const [z, y, x] = spacingMmZyx;
  if (dimensions === 2) return { squareMillimetres: Number((voxels * y * x).toPrecision(6)) };
  return { millilitres: Number(((voxels * z * y * x) / 1000).toPrecision(6)) };
}

/** Formats an extent with its unit: "12.3 ml", "431.4 mm²". */
export const extentText = (extent: Extent, decimals: number): string =>
  "millilitres" in extent
    ? `${extent.millilitres.toFixed(decimals)} ml`
    : `${extent.squareMillimetres.toFixed(decimals)} mm²`;
