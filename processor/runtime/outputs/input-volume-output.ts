import { writeImage } from "../../imaging/formats/write-image.js";
import { voxelCount } from "../../imaging/volume/axes.js";
import type { CaseVolume } from "../../imaging/volume/case-volume.js";
import type { CaseRequest } from "../cases/case.js";
import type { InputKind } from "./output-kind.js";

/** The channels of a case as they were read, each in a file of its own. */
export const inputVolumeOutput: InputKind = {
  takes: "input",
  files: (path) => [path],
  mayBeAbsent: false,
};

/** Writes the channels that the request asks for. */
export async function writeInputVolumes(
  { outputs }: CaseRequest,
  { channels, channelCount, geometry, source }: CaseVolume,
): Promise<void> {
  const count = voxelCount(geometry.sizeZyx);
  for (const output of outputs) {
    if (output.kind !== "input-volume" || output.channel >= channelCount) continue;
    const voxels = channels.subarray(output.channel * count, (output.channel + 1) * count);
    await writeImage({ voxels, geometry, components: 1, source }, output.path);
  }
}
