import { type Affine, turnAffine } from "../imaging/volume/affine.js";
import { reversed, type Zyx } from "../imaging/volume/axes.js";
import type { CaseVolume } from "../imaging/volume/case-volume.js";
import type { Geometry } from "../imaging/volume/geometry.js";
import { orientationLetters, turnToRas } from "../imaging/volume/reorient.js";
import {
  dict,
  type Entries,
  float,
  integer,
  list,
  numpyArray,
  type Pickled,
  pickleFile,
  text,
  tuple,
} from "./pickle-bytes.js";
import type { PreprocessHistory } from "./preprocess-history.js";

/** Returns the file with the properties of a case: `case.pkl` for `case.npz`. */
export const propertiesFileOf = (probabilitiesFile: string): string =>
  probabilitiesFile.replace(/\.npz$/, ".pkl");

export interface PropertiesOptions {
  /** The nnU-Net reader class that the model was trained with. */
  readonly imageReader: string;
  /** The history on the grid that the networks saw. */
  readonly history: PreprocessHistory;
  /** The image before a "WithReorient" reader turned it. */
  readonly image: Pick<CaseVolume, "geometry">;
  /** nibabel's matrix of the image, from voxel to RAS in mm. */
  readonly affine: Affine;
  /** Entries that follow, such as those of training; none when absent. */
  readonly further?: Entries;
}

/**
 * Returns the `<case>.pkl` that nnU-Net v2 writes next to `<case>.npz` and that `nnUNetv2_ensemble` reads. It contains
 * the position of the image in the form of the model's reader, and the crop.
 */
export function propertiesPickle(options: PropertiesOptions): Uint8Array {
  const { history, imageReader } = options;
  return pickleFile(
    dict([
      ...(readerProperties.get(imageReader) ?? spacingOnly)(options),
      ["shape_before_cropping", integers(history.sizeBeforeCroppingZyx)],
      [
        "bbox_used_for_cropping",
        list(history.cropBoxZyx.map(([from, to]) => list([integer(from), integer(to)]))),
      ],
      ["shape_after_cropping_and_before_resampling", integers(history.sizeAfterCroppingZyx)],
      ...(options.further ?? []),
    ]),
  );
}

const readerProperties: ReadonlyMap<string, (options: PropertiesOptions) => Entries> = new Map(
  Object.entries({
    SimpleITKIO: ({ history }) => [
      ["sitk_stuff", dict(itkPosition(history.originalGeometry))],
      ["spacing", spacing(history, float)],
    ],
    SimpleITKIOWithReorient: ({ history, image }) => [
      [
        "sitk_stuff",
        dict([
          ...itkPosition(history.originalGeometry),
          ["original_orientation", text(orientationLetters(image.geometry))],
        ]),
      ],
      ["spacing", spacing(history, float)],
    ],
    NibabelIO: ({ history, affine }) => [
      ["nibabel_stuff", dict([["original_affine", matrix(affine)]])],
      ["spacing", spacing(history, float)],
    ],
    NibabelIOWithReorient: ({ history, image: { geometry }, affine }) => [
      [
        "nibabel_stuff",
        dict([
          ["original_affine", matrix(affine)],
          ["reoriented_affine", matrix(turnAffine(affine, geometry.sizeZyx, turnToRas(geometry)))],
        ]),
      ],
      ["spacing", spacing(history, float)],
    ],
  } satisfies Readonly<Record<string, (options: PropertiesOptions) => Entries>>),
);

/**
 * Returns the entries of NaturalImage2DIO and Tiff3DIO. Whole numbers stay integers if all are whole, because Tiff3DIO
 * writes them as JSON.
 */
const spacingOnly = ({ history }: PropertiesOptions): Entries => {
  const areWhole = history.originalGeometry.spacingMmZyx.every(Number.isInteger);
  return [["spacing", spacing(history, areWhole ? integer : float)]];
};

function itkPosition({ spacingMmZyx, originMmXyz, directionXyz, dimensions }: Geometry): Entries {
  const [a, b, , d, e] = directionXyz;
  const floats = (values: readonly number[]) => tuple(values.map(float));
  return [
    ["spacing", floats(reversed(spacingMmZyx).slice(0, dimensions))],
    ["origin", floats(originMmXyz.slice(0, dimensions))],
    ["direction", floats(dimensions === 2 ? [a, b, d, e] : directionXyz)],
  ];
}

const spacing = ({ originalGeometry }: PreprocessHistory, write: (value: number) => Pickled): Pickled =>
  list(originalGeometry.spacingMmZyx.map(write));

const integers = (sizeZyx: Zyx): Pickled => tuple(sizeZyx.map(integer));

const matrix = (affine: Affine): Pickled => numpyArray(affine, { shape: [4, 4], type: "f8" });
