import type { ZoomInput } from "../../imaging/resampling/zoom.js";
import { dilated } from "./dilate.js";
import { type Labels, type LabelVolume, labelParts } from "./label-boxes.js";

export interface FindSkinTask extends LabelVolume {
  /** The image, on the same grid. */
  readonly intensities: ZoomInput;
  /** The output. */
  readonly skin: Labels;
}

/** Voxels outside of this range of Hounsfield units are not skin. */
const skinFrom = -200;
const skinTo = 250;
/** Parts with at most this many voxels are noise. */
const noiseVoxels = 5;

/** Marks the skin of a body: its outer layers with the density of soft tissue. */
export function findSkin({ voxels, sizeZyx, intensities, skin }: FindSkinTask): void {
  const body = dilated(
    Uint8Array.from(voxels, (label) => (label > 0 ? 1 : 0)),
    sizeZyx,
    1,
  );
  const inner = dilated(body, sizeZyx, -3);
  for (let i = 0; i < skin.length; i++) {
    const isSoft = intensities[i]! > skinFrom && intensities[i]! < skinTo;
    skin[i] = body[i] === 1 && inner[i] === 0 && isSoft ? 1 : 0;
  }
  const parts = labelParts({ voxels: skin, sizeZyx }, 1, { startZyx: [0, 0, 0], sizeZyx });
  const { sizes } = parts.components;
  parts.paint((component) => sizes[component]! <= noiseVoxels, 0);
}
