/** Where a model comes from that is not a folder of nnU-Net. It is fetched and converted before the server takes jobs. */
export type ModelSource =
  | { readonly kind: "totalsegmentator"; readonly task: string }
  /** A checkpoint of NVIDIA's nnU-Net or its folder, with what config.json would say about it under `nvidia`. */
  | { readonly kind: "nvidia"; readonly path: string; readonly options: Readonly<Record<string, unknown>> }
  /** A bundle of MONAI. */
  | { readonly kind: "bundle"; readonly path: string };

/** Returns the file or folder that a source needs; null if it is fetched. */
export const fileOfSource = (source: ModelSource): string | null =>
  source.kind === "totalsegmentator" ? null : source.path;

/** Returns the task of TotalSegmentator that a source is; null for another source. */
export const taskOfSource = (source: ModelSource | null): string | null =>
  source?.kind === "totalsegmentator" ? source.task : null;
