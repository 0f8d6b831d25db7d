/** Writes 1 where every channel is above 0, and 0 elsewhere. */
export function foregroundChannel(task: {
  /** `channel × voxel` */
  readonly channels: Float32Array;
  readonly channelCount: number;
  readonly foreground: Float32Array;
}): void {
  const { channels, channelCount, foreground } = task;
  const count = foreground.length;
  foreground.fill(1);
  for (let channel = 0; channel < channelCount; channel++) {
    const start = channel * count;
    for (let i = 0; i < count; i++) if (!(channels[start + i]! > 0)) foreground[i] = 0;
  }
}

/** Writes 1 for values that are not 0, and 0 elsewhere. */
export function nonzeroVoxels(task: { readonly values: Float32Array; readonly mask: Uint8Array }): void {
  const { values, mask } = task;
  for (let i = 0; i < mask.length; i++) mask[i] = values[i] === 0 ? 0 : 1;
}
