import { join } from "node:path";
import { readImage } from "../../../processor/imaging/formats/read-image.js";
import { readB2nd } from "../../../src/nnunet/files/blosc2/read-b2nd.js";
import { type Mutation, mutateBytes, mutateJson, mutateLines } from "../mutations/mutate.js";
import { mutatePng } from "../mutations/mutate-png.js";
import { type FuzzedReader, filesBelow, fixtures, golden, require, seedInFolder } from "./fuzzed-reader.js";

const imageFolder = join(fixtures, "images");

export const imageReaders: Readonly<Record<string, FuzzedReader>> = {
  nifti: image(/\.nii(\.gz)?$/, mutateBytes),
  metaimage: image(/\.mha$/, mutateLines),
  nrrd: image(/\.nrrd$/, mutateLines),
  gipl: image(/\.gipl(\.gz)?$/, mutateBytes),
  "metaimage-header": {
    mutation: mutateLines,
    seeds: async () =>
      ["detached", "data_at_end", "header_size"].map((name) =>
        seedInFolder(imageFolder, `${name}.mhd`, /\.raw$/),
      ),
    read: ({ file }) => readsImage(file),
  },
  png: image(/\.png$/, mutatePng),
  bmp: image(/\.bmp$/, mutateBytes),
  tiff: image(/^(?!.*channels).*\.tiff?$/, mutateBytes), // several channels in one file are not read
  b2nd: {
    mutation: mutateBytes,
    seeds: async () => filesBelow(join(fixtures, "b2nd"), /\.b2nd$/),
    read: async ({ file }) => {
      const { shape, values } = await readB2nd(file);
      require(shape.reduce((all, size) => all * size, 1) === values.length, "a number for each voxel");
    },
  },
  "spacing-file": {
    mutation: mutateJson,
    seeds: async () => [seedInFolder(join(fixtures, "tiff"), "spaced.json", /^spaced_0000\.tif$/)],
    read: ({ folder }) => readsImage(join(folder, "spaced_0000.tif")),
  },
};

function image(ending: RegExp, mutation: Mutation): FuzzedReader {
  const seeds = async () => [
    ...filesBelow(imageFolder, ending),
    ...filesBelow(join(fixtures, "tiff"), ending),
    ...filesBelow(golden, /\/(?:input\/[^/]+|seg\.[^/]+)$/).filter(({ path }) => ending.test(path)),
  ];
  return { mutation, seeds, read: ({ file }) => readsImage(file) };
}

async function readsImage(file: string): Promise<void> {
  const { voxels, components, geometry } = await readImage(file);
  const [z, y, x] = geometry.sizeZyx;
  require(voxels.length === components * z * y * x, "as many voxels as the size says");
  require([...geometry.spacingMmZyx].every((mm) => Number.isFinite(mm) && mm > 0), "spacing above 0");
  const place = [...geometry.originMmXyz, ...geometry.directionXyz.flat()];
  require(place.every(Number.isFinite), "a finite place");
}
