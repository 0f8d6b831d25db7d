import { type Geometry, identityDirection } from "../volume/geometry.js";

/** Where nnU-Net's NaturalImage2DIO puts a photograph: one slice of pixels of 1 mm, 999 mm thick. */
export const photographGeometry = (widthPixels: number, heightPixels: number): Geometry => ({
  sizeZyx: [1, heightPixels, widthPixels],
  spacingMmZyx: [999, 1, 1],
  originMmXyz: [0, 0, 0],
  directionXyz: identityDirection,
  dimensions: 2,
});
