/** Writes 1 where a voxel has the label, 0 elsewhere. */
export function labelIndicator(task: {
  readonly labels: Uint8Array<SharedArrayBuffer> | Uint16Array<SharedArrayBuffer>;
  readonly label: number;
  readonly indicator: Float64Array<SharedArrayBuffer>;
}): void {
  const { labels, label, indicator } = task;
  for (let i = 0; i < labels.length; i++) indicator[i] = labels[i] === label ? 1 : 0;
}

/** batchgenerators' `resize_segmentation`: a label is painted where its resized indicator reaches one half. */
export function paintLabel(task: {
  readonly labels: Uint8Array<SharedArrayBuffer> | Uint16Array<SharedArrayBuffer>;
  readonly label: number;
  readonly indicator: Float64Array<SharedArrayBuffer>;
}): void {
  const { labels, label, indicator } = task;
  for (let i = 0; i < labels.length; i++) if (indicator[i]! >= 0.5) labels[i] = label;
}
