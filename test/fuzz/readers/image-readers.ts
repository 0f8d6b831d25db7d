import { join } from "node:path";
import { readImage } from "../../../processor/imaging/formats/read-image.js";
import { type Mutation, mutateBytes, mutateLines } from "../mutations/mutate.js";
import { mutatePng } from "../mutations/mutate-png.js";
import { type FuzzedReader, type FuzzInput, filesBelow, fixtures, golden, require } from "./fuzzed-reader.js";

export const imageReaders: Readonly<Record<string, FuzzedReader>> = {
  nifti: image(/\.nii(\.gz)?$/, mutateBytes),
  metaimage: image(/\.mha$/, mutateLines),
  nrrd: image(/\.nrrd$/, mutateLines),
  gipl: image(/\.gipl(\.gz)?$/, mutateBytes),
  png: image(/\.png$/, mutatePng),
  bmp: image(/\.bmp$/, mutateBytes),
  tiff: image(/^(?!.*channels).*\.tiff?$/, mutateBytes), // several channels in one file are not read
};

function image(ending: RegExp, mutation: Mutation): FuzzedReader {
  const seeds = async () => [
    ...filesBelow(join(fixtures, "images"), ending),
    ...filesBelow(join(fixtures, "tiff"), ending),
    ...filesBelow(golden, /\/(?:input\/[^/]+|seg\.[^/]+)$/).filter(({ path }) => ending.test(path)),
  ];
  return { mutation, seeds, read: readsImage };
}

async function readsImage({ file }: FuzzInput): Promise<void> {
  const { voxels, components, geometry } = await readImage(file);
  const [z, y, x] = geometry.sizeZyx;
  require(voxels.length === components * z * y * x, "as many voxels as the size says");
  require([...geometry.spacingMmZyx].every((mm) => Number.isFinite(mm) && mm > 0), "spacing above 0");
  const place = [...geometry.originMmXyz, ...geometry.directionXyz.flat()];
  require(place.every(Number.isFinite), "a finite place");
}
