import { type Geometry, identityDirection } from "../volume/geometry.js";

/**
 * Returns the geometry that nnU-Net's NaturalImage2DIO gives a photograph: one slice, 999 mm thick, with pixels of 1
 * mm.
 */
export const photographGeometry = (widthPixels: number, heightPixels: number): Geometry => ({
  sizeZyx: [1, heightPixels, widthPixels],
  spacingMmZyx: [999, 1, 1],
  originMmXyz: [0, 0, 0],
  directionXyz: identityDirection,
  dimensions: 2,
});
