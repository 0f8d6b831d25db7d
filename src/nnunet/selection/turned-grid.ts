import { permute, type Zyx } from "../../../processor/imaging/volume/axes.js";
import type { Geometry } from "../../../processor/imaging/volume/geometry.js";
import { turnToRas, turnVoxels } from "../../../processor/imaging/volume/reorient.js";

/** Returns the size of an image whose grid, turned to RAS, has the given size. */
export function sizeBeforeTurn(turnedSizeZyx: Zyx, geometry: Geometry): Zyx {
  const { orderZyx } = turnToRas(geometry);
  const size: [number, number, number] = [0, 0, 0];
  for (const [axis, from] of orderZyx.entries()) size[from] = turnedSizeZyx[axis]!;
  return size;
}

/** Returns the size of an image after its grid is turned to RAS. */
export const sizeAfterTurn = (geometry: Geometry): Zyx =>
  permute(geometry.sizeZyx, turnToRas(geometry).orderZyx);

/** Returns labels of a grid that was turned to RAS on the image's own grid. */
export function turnedBack<T extends Uint8Array | Uint16Array>(turned: T, geometry: Geometry): T {
  const plain = turned.slice() as T;
  turnVoxels({ plain, turned, sizeZyx: geometry.sizeZyx, turn: turnToRas(geometry), writes: "plain" });
  return plain;
}
