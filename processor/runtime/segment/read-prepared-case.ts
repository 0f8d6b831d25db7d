import { imageError } from "../../imaging/errors.js";
import { perAxis, type Zyx } from "../../imaging/volume/axes.js";
import type { CaseVolume } from "../../imaging/volume/case-volume.js";
import { identityDirection } from "../../imaging/volume/geometry.js";
import { readNpyFile } from "../../nnunet-files/read-npy.js";

/**
 * Reads a case that NVIDIA's `preprocess.py` wrote: `<case>_x.npy`, float32 (channel, z, y, x) on the network's grid, and
 * `<case>_meta.npy`, the start and end of the crop, the original size and the cropped size. The files say nothing about the
 * image's place in the patient.
 *
 * @throws IMAGE_INVALID
 */
export async function readPreparedCase(path: string, channelCount: number): Promise<CaseVolume> {
  const metaPath = path.replace(/_x\.npy$/, "_meta.npy");
  const [x, meta] = await Promise.all([readNpyFile(path), readNpyFile(metaPath)]);
  if (x.type !== "<f4" || x.shape.length !== 4 || x.shape[0] !== channelCount)
    throw imageError(
      "IMAGE_INVALID",
      `${path}: it should hold float32 of ${channelCount} × z × y × x, but has ${x.type} of ${x.shape.join(" × ")}`,
    );
  if (meta.shape.join() !== "4,3" || !meta.type.startsWith("<i"))
    throw imageError(
      "IMAGE_INVALID",
      `${metaPath}: it should hold 4 × 3 integers, but has ${meta.shape.join(" × ")}`,
    );
  const numbers =
    meta.type === "<i8"
      ? Array.from(new BigInt64Array(meta.data), Number)
      : Array.from(new Int32Array(meta.data));
  const row = (index: number): Zyx => perAxis((axis) => numbers[3 * index + axis]!);
  const [start, end, original, cropped] = [row(0), row(1), row(2), row(3)];
  const fits = [0, 1, 2].every(
    (axis) =>
      start[axis]! >= 0 &&
      end[axis]! <= original[axis]! &&
      end[axis]! - start[axis]! === cropped[axis]! &&
      cropped[axis]! > 0,
  );
  if (!fits || original.some((size) => size > 2 ** 14))
    throw imageError(
      "IMAGE_INVALID",
      `${metaPath}: the crop ${start.join(", ")} to ${end.join(", ")} is not in ${original.join(" × ")}`,
    );
  const channels = new Float32Array(new SharedArrayBuffer(x.data.byteLength));
  channels.set(new Float32Array(x.data));
  const geometry = {
    sizeZyx: original,
    spacingMmZyx: [1, 1, 1],
    originMmXyz: [0, 0, 0],
    directionXyz: identityDirection,
    dimensions: 3,
  } as const;
  return {
    channels,
    channelCount,
    geometry,
    source: { format: "nifti", path, nifti: null },
    prepared: {
      sizeZyx: [x.shape[1]!, x.shape[2]!, x.shape[3]!],
      cropBoxZyx: perAxis((axis) => [start[axis], end[axis]] as const),
    },
  };
}
