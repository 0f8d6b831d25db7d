import { voxelCount, type Zyx } from "../../../processor/imaging/volume/axes.js";
import { identityDirection } from "../../../processor/imaging/volume/geometry.js";
import type { LogitStream } from "../../../processor/runtime/inference/logit-slab.js";
import type { Prepared } from "../../../processor/runtime/preprocess/prepared.js";
import { type PreprocessOptions, preprocess } from "../../../processor/runtime/preprocess/preprocess.js";

/** A small random case, and the results of nnU-Net's own functions for it. */
export interface GridFixture {
  readonly shape: Zyx;
  readonly spacing: Zyx;
  readonly channels: number;
  readonly image: readonly number[];
  readonly previous: readonly number[] | null;
  readonly preprocessedShape: readonly [channels: number, z: number, y: number, x: number];
  readonly preprocessed: readonly number[];
  /** Probabilities for v1, logits for v2. */
  readonly logits: readonly number[];
  readonly segmentation: readonly number[];
}

/** The part of a fixture that takes the place of the network's answer. */
type Answer = Pick<GridFixture, "logits" | "preprocessedShape">;

export const heads = ({ logits, preprocessedShape }: Answer): number =>
  logits.length / (preprocessedShape[1] * preprocessedShape[2] * preprocessedShape[3]);

export function prepare(
  { shape, spacing, image, channels, previous }: GridFixture,
  options: Omit<PreprocessOptions, "previousStage">,
): Promise<Prepared> {
  const geometry = {
    ...{ sizeZyx: shape, spacingMmZyx: spacing, originMmXyz: [0, 0, 0] as const },
    ...{ directionXyz: identityDirection, dimensions: 3 as const },
  };
  const shared = new Float32Array(new SharedArrayBuffer(image.length * 4));
  shared.set(image);
  const previousStage = previous === null ? null : { voxels: Uint8Array.from(previous), geometry };
  const volume = {
    channels: shared,
    channelCount: channels,
    geometry,
    source: { path: "", format: "nifti" as const, nifti: null },
  };
  return preprocess(volume, { ...options, previousStage });
}

interface AnswerOptions {
  readonly sizeZyx: Zyx;
  readonly kind: LogitStream["kind"];
  readonly slicesPerSlab?: number;
}

/** Returns the fixture's `head × z × y × x` values in the form that the sliding window yields them. */
export function answerOf(fixture: Answer, { sizeZyx, kind, slicesPerSlab = 3 }: AnswerOptions): LogitStream {
  const headCount = heads(fixture);
  const plane = sizeZyx[1] * sizeZyx[2];
  async function* slabs() {
    for (let zStart = 0; zStart < sizeZyx[0]; zStart += slicesPerSlab) {
      const slices = Math.min(slicesPerSlab, sizeZyx[0] - zStart);
      const values = new Float32Array(new SharedArrayBuffer(slices * headCount * plane * 4));
      for (let z = 0; z < slices; z++) {
        for (let head = 0; head < headCount; head++) {
          const from = head * voxelCount(sizeZyx) + (zStart + z) * plane;
          values.set(fixture.logits.slice(from, from + plane), (z * headCount + head) * plane);
        }
      }
      const slabSize = [slices, sizeZyx[1], sizeZyx[2]] as const;
      yield { zStart, sizeZyx: slabSize, heads: headCount, values, kind };
    }
  }
  return { heads: headCount, sizeZyx, kind, slabs: slabs() };
}
