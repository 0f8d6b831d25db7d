import type { InputFile } from "./dropped-files.js";

/** What becomes one job: one source for each channel of the model. */
export interface CasePlan {
  readonly name: string;
  readonly inputs: readonly CaseInput[];
}

export interface CaseInput {
  readonly name: string;
  /** One image, one archive, or the files of one DICOM folder. */
  readonly files: readonly InputFile[];
  readonly isDicom: boolean;
}

export interface PlannedCases {
  readonly cases: readonly CasePlan[];
  /** What the user should know about files that cannot be used. */
  readonly problems: readonly string[];
}

const imageEnding = /\.(?:nii|nii\.gz|mha|mhd|nrrd|nhdr|png|tiff?|bmp)$/i;
const archiveEnding = /\.(?:zip|tar|tar\.gz|tgz)$/i;
const channelEnding = /_(\d{4})$/;

/**
 * Sorts files into cases: images by nnU-Net's names (`case_0000.nii.gz` is the first channel of `case`), each folder of
 * DICOM files as one image.
 */
export function planCases(files: readonly InputFile[], channels: readonly string[]): PlannedCases {
  const images = files.filter(({ path }) => imageEnding.test(path) || archiveEnding.test(path));
  const others = files.filter((file) => !images.includes(file));
  const dicom = others.filter(({ path }) => /\.(?:dcm|ima)$/i.test(path) || !/\.[a-z]\w{0,5}$/i.test(path));
  const unknown = others.filter((file) => !dicom.includes(file));
  const problems = [
    ...(unknown.length > 0 && (images.length > 0 || dicom.length > 0)
      ? [`Left out: ${shortList(unknown.map(({ path }) => path))}.`]
      : []),
    ...(images.length + dicom.length === 0 && unknown.length > 0
      ? [
          `${shortList(unknown.map(({ path }) => path))}: not an image. Use NIfTI, MetaImage, NRRD, PNG, TIFF, DICOM, or a zip or tar of them.`,
        ]
      : []),
  ];
  const sources = [...images.map(imageInput), ...dicomInputs(dicom)];
  const cases = channels.length === 1 ? sources.map(oneChannel) : severalChannels(sources, channels.length);
  return { cases, problems };
}

const imageInput = (file: InputFile): CaseInput => ({
  name: fileName(file.path),
  files: [file],
  isDicom: archiveEnding.test(file.path),
});

/** Makes one input of each folder that has DICOM files. */
function dicomInputs(files: readonly InputFile[]): readonly CaseInput[] {
  const folders = new Map<string, InputFile[]>();
  for (const file of files) {
    const folder = file.path.split("/").slice(0, -1).join("/");
    folders.set(folder, [...(folders.get(folder) ?? []), file]);
  }
  return [...folders].map(([folder, inFolder]) => ({
    name: fileName(folder) || fileName(inFolder[0]!.path),
    files: inFolder,
    isDicom: true,
  }));
}

const oneChannel = (input: CaseInput): CasePlan => ({
  name: caseName(input.name).replace(channelEnding, ""),
  inputs: [input],
});

function severalChannels(inputs: readonly CaseInput[], count: number): readonly CasePlan[] {
  const groups = new Map<string, CaseInput[]>();
  const loose: CaseInput[] = [];
  for (const input of inputs) {
    const name = caseName(input.name);
    if (!channelEnding.test(name)) {
      loose.push(input);
      continue;
    }
    const key = name.replace(channelEnding, "");
    groups.set(key, [...(groups.get(key) ?? []), input]);
  }
  const named = [...groups].map(([name, group]) => ({
    name,
    inputs: group.toSorted(byName).slice(0, count),
  }));
  // Files without numbers are taken in the order of their names; the user can change the order.
  if (loose.length > 0) named.push({ name: caseName(loose[0]!.name), inputs: loose.slice(0, count) });
  return named;
}

const byName = (a: CaseInput, b: CaseInput): number => (a.name < b.name ? -1 : 1);
const fileName = (path: string): string => path.split("/").at(-1) ?? path;
const caseName = (name: string): string => name.replace(imageEnding, "").replace(archiveEnding, "");

const shortList = (names: readonly string[]): string =>
  names.length <= 3 ? names.join(", ") : `${names.slice(0, 3).join(", ")} and ${names.length - 3} more`;
