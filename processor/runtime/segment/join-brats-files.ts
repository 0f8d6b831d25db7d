import type { CaseVolume } from "../../imaging/volume/case-volume.js";

/**
 * Changes the channels of a case of BraTS, in place, as NVIDIA's notebooks do when they join its four files: the absolute
 * values of int16, in which −32768 becomes 0.
 */
export function joinBratsFiles(volume: CaseVolume): CaseVolume {
  const { channels } = volume;
  for (let i = 0; i < channels.length; i++) {
    const value = Math.abs(Math.trunc(channels[i]!));
    channels[i] = value === 32_768 ? 0 : value;
  }
  return volume;
}
