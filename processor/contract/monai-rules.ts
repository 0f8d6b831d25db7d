import {
  about,
  type Checked,
  flag,
  kinds,
  listOf,
  number,
  oneOf,
  orNull,
  record,
  text,
  wholeNumber,
} from "./json-check.js";

const numberOrNull = orNull(number);
const perChannel = about(
  "True if each channel has statistics of its own; otherwise all channels share them.",
  flag,
);

/** A transform of MONAI that a bundle applies before its network. */
const monaiStep = kinds({
  spacing: record({
    pixdim: about(
      "The spacing along the axes x, y and z of the turned image, in mm; null or at most 0 keeps the image's own.",
      listOf(numberOrNull, 1),
    ),
    mode: oneOf(["bilinear", "nearest"]),
  }),
  crop: record({
    above: about("Voxels above this value in any channel are foreground.", number),
    margin: about(
      "Voxels around the foreground along x, y and z; one number is for all axes.",
      listOf(wholeNumber, 1),
    ),
    staysInside: about("True if the margin ends at the image's border; otherwise zeros are added.", flag),
  }),
  range: record({
    from: listOf(number, 2),
    to: about("Null for an end that is not scaled to.", listOf(numberOrNull, 2)),
    clips: flag,
  }),
  percentiles: record({
    lower: number,
    upper: number,
    to: listOf(numberOrNull, 2),
    clips: flag,
    perChannel,
  }),
  scale: record({ to: listOf(number, 2), perChannel }),
  normalize: record({
    nonzero: about("True if zeros neither count nor change.", flag),
    perChannel,
    subtrahend: orNull(listOf(number, 1)),
    divisor: orNull(listOf(number, 1)),
  }),
});

export type MonaiStep = Checked<typeof monaiStep>;

export const monaiRules = record({
  axcodes: about(
    "The orientation that images are turned to, such as RAS; null to keep theirs.",
    orNull(text),
  ),
  steps: about("The transforms before the network, in order.", listOf(monaiStep)),
  overlap: about("The share of a window that it has in common with the next one.", number),
  blend: about("The weights of overlapping windows.", oneOf(["gaussian", "constant"])),
  activation: about(
    "What is applied to the network's output before it is resampled.",
    oneOf(["none", "softmax", "sigmoid"]),
  ),
  labelsOn: about(
    "The grid on which outputs become labels: the image's, after linear interpolation, or the network's.",
    oneOf(["image", "network"]),
  ),
  components: about(
    "The labels of which only the largest component stays, on the network's grid, one list after the other.",
    listOf(record({ labels: listOf(number), connectivity: oneOf([6, 26]) })),
  ),
});

/** The rules of a MONAI bundle that differ from nnU-Net's. */
export type MonaiRules = Checked<typeof monaiRules>;
