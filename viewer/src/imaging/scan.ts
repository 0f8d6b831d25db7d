import type { NVImage } from "@niivue/niivue";
import type { ServiceClient } from "../service/http.js";
import type { Job, JobFile, Model } from "../service/types.js";
import { loadNiivue } from "./image-view.js";
import { type ShownLabel, shownLabels } from "./label-volume.js";

/** A file of this computer or of the service. */
export interface ScanFile {
  readonly name: string;
  readonly open: (signal: AbortSignal) => Promise<Blob>;
}

/** An image and its label map before they are read. At least one of them is there. */
export interface ScanSource {
  readonly title: string;
  readonly image: ScanFile | null;
  readonly labelMap: ScanFile | null;
  /** The names of labels, by their numbers. */
  readonly names: ReadonlyMap<number, string>;
}

export interface Scan {
  readonly title: string;
  readonly image: NVImage | null;
  readonly labelMap: NVImage | null;
  readonly labels: readonly ShownLabel[];
}

export async function loadScan(source: ScanSource, signal: AbortSignal): Promise<Scan> {
  const image = source.image === null ? null : await loadVolume(source.image, "gray", signal);
  const labelMap = source.labelMap === null ? null : await loadVolume(source.labelMap, "gray", signal);
  const labels = labelMap === null ? [] : shownLabels(labelMap, source.names);
  return { title: source.title, image, labelMap, labels };
}

async function loadVolume(from: ScanFile, colormap: string, signal: AbortSignal): Promise<NVImage> {
  const { NVImage } = await loadNiivue();
  const file = new File([await from.open(signal)], from.name.split("/").at(-1)!);
  let image: NVImage | null = null;
  try {
    image = await NVImage.loadFromFile({ file, name: file.name, colormap });
  } catch (error) {
    throw new Error(`${file.name} cannot be read: ${(error as Error).message ?? error}`);
  }
  if (image?.img === undefined || image.hdr === null)
    throw new Error(`${file.name} cannot be read as an image.`);
  return image;
}

export const localFile = (file: File): ScanFile => ({ name: file.name, open: async () => file });

/** Finds the files of a finished job that show one of its models' results; null if it has no label map. */
export function scanOfJob(
  client: ServiceClient,
  job: Job,
  {
    models,
    stage,
    title,
  }: { readonly models: readonly Model[]; readonly stage: number; readonly title: string },
): ScanSource | null {
  const files = (job.result?.files ?? []).filter((file) => file.stage === stage);
  const labelMap = files.find(({ kind, name }) => kind === "label-map" && isVolume(name));
  if (labelMap === undefined) return null;
  const image = files.find(({ kind, name }) => kind === "input-volume" && isVolume(name));
  const model = models.find(({ id }) => id === job.result?.stages[stage]?.model);
  const named = [
    ...(model?.labels ?? []).map(({ name, value }) => ({ label: value, name })),
    ...(job.result?.stages[stage]?.labels ?? []),
  ].filter((one): one is { label: number; name: string } => typeof one.label === "number");
  return {
    title,
    image: image === undefined ? null : fileOfJob(client, job, image),
    labelMap: fileOfJob(client, job, labelMap),
    names: new Map(named.map(({ label, name }) => [label, name])),
  };
}

const isVolume = (name: string): boolean => /\.(?:nii|nii\.gz|nrrd|mha)$/i.test(name);

const fileOfJob = (client: ServiceClient, job: Job, { name }: JobFile): ScanFile => ({
  name,
  open: async (signal) => (await client.send(fileAddress(job, name), { signal })).blob(),
});

export const fileAddress = (job: Job, name: string): string =>
  `v1/jobs/${encodeURIComponent(job.id)}/files/${name.split("/").map(encodeURIComponent).join("/")}`;

/** Reads the names of labels from nnU-Net's dataset.json; none if the text is something else. */
export function labelNames(datasetJson: string): ReadonlyMap<number, string> {
  try {
    const { labels } = JSON.parse(datasetJson) as { readonly labels?: Readonly<Record<string, unknown>> };
    // Version 2 maps names to numbers; version 1 maps numbers to names.
    const pairs = Object.entries(labels ?? {}).map(([key, value]): [number, string] =>
      typeof value === "number" ? [value, key] : [Number(key), String(value)],
    );
    return new Map(pairs.filter(([label]) => Number.isInteger(label) && label > 0));
  } catch {
    return new Map();
  }
}
