import type { PostProcessingStep } from "../../../processor/contract/manifest.js";
import { readImage } from "../../../processor/imaging/formats/read-image.js";
import { writeImage } from "../../../processor/imaging/formats/write-image.js";
import { withLargestComponents } from "./largest-components.js";

/** One segmentation to post-process, in a worker thread. */
export interface PostProcessFileTask {
  readonly from: string;
  readonly to: string;
  readonly imageReader: string | null;
  readonly steps: readonly PostProcessingStep[];
}

/** Reads a segmentation, keeps only the largest components, and writes it with the same geometry. */
export async function postProcessFile({ from, to, imageReader, steps }: PostProcessFileTask): Promise<void> {
  const image = await readImage(from, { imageReader });
  await writeImage(withLargestComponents(image, steps, from), to);
}
