import type { Zyx } from "../../../processor/imaging/volume/axes.js";
import type { ImageReaderName } from "../datasets/image-reader.js";
import { type FileState, fileStates } from "../datasets/raw-files.js";
import { readForeground } from "./foreground.js";
import type { Box } from "./nonzero-box.js";
import { drawnCounts, equalCounts, type ValueCounts } from "./value-counts.js";

export interface FingerprintCaseTask {
  readonly reader: ImageReaderName;
  readonly images: readonly string[];
  readonly label: string;
  /** The samples to draw; null to count every voxel once (the fast mode). */
  readonly draws: number | null;
}

/** What one case adds to the fingerprint. */
export interface CaseFingerprint {
  readonly spacingMmZyx: Zyx;
  readonly sizeZyx: Zyx;
  readonly cropBox: Box;
  readonly channels: readonly ValueCounts[];
  /** The files as they were read. */
  readonly files: readonly FileState[];
}

/** Measures one case; runs in a worker thread. */
export async function fingerprintCase(task: FingerprintCaseTask): Promise<CaseFingerprint> {
  const files = await fileStates([...task.images, task.label]);
  const { channels, isZero: _, ...grid } = await readForeground(task.reader, task.images, task.label);
  return {
    ...grid,
    channels: task.draws === null ? equalCounts(channels) : drawnCounts(channels, task.draws),
    files,
  };
}
