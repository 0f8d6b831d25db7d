import { imageError } from "../../imaging/errors.js";
import { voxelCount } from "../../imaging/volume/axes.js";
import type { Image } from "../../imaging/volume/image.js";
import type { ImageFile } from "../cases/case.js";

/**
 * Returns the mask of one label of an image, or one of its components.
 *
 * @throws IMAGE_INVALID if the image does not have the component
 */
export function partOfImage(image: Image, part: NonNullable<ImageFile["part"]>, place: string): Image {
  const { voxels, components, geometry } = image;
  if ("label" in part)
    return {
      ...image,
      voxels: Uint8Array.from(voxels as Float32Array, (value) => (value === part.label ? 1 : 0)),
    };
  if (part.component >= components)
    throw imageError(
      "IMAGE_INVALID",
      `${place}: it has ${components} components, so none is [${part.component}]`,
    );
  const count = voxelCount(geometry.sizeZyx);
  return {
    ...image,
    components: 1,
    voxels: voxels.slice(part.component * count, (part.component + 1) * count),
  };
}
