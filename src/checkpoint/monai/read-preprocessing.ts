import type { MonaiStep } from "../../../processor/contract/monai-rules.js";
import { ownEntry } from "../../../processor/contract/own-entry.js";
import { isOrientation } from "../../../processor/imaging/volume/reorient.js";
import type { Field } from "../fields.js";
import { BundlePart, unsupported } from "./bundle-part.js";

export interface BundlePreprocessing {
  readonly axcodes: string | null;
  readonly steps: readonly MonaiStep[];
}

/**
 * Reads the transforms before the network.
 *
 * @throws BUNDLE_UNSUPPORTED for a transform or an argument that is not built in
 */
export function readPreprocessing(list: Field): BundlePreprocessing {
  let axcodes: string | null = null;
  const steps: MonaiStep[] = [];
  for (const part of transformsIn(list)) {
    if (baseName(part) === "Orientation") {
      axcodes = orientationOf(part, steps);
      continue;
    }
    const read = ownEntry(readers, baseName(part));
    if (read === undefined)
      throw unsupported(
        part.place,
        `the transform ${part.name} is not built in; known are ${Object.keys(readers).join(", ")} and Orientation, as dictionary transforms`,
      );
    const step = read(part);
    if (step !== null) steps.push(step);
  }
  return { axcodes, steps };
}

/** Returns the transforms of a `Compose`, without disabled ones. */
export function transformsIn(list: Field): readonly BundlePart[] {
  const compose = list.isList ? null : new BundlePart(list);
  if (compose !== null && compose.name !== "Compose")
    throw unsupported(compose.place, `transforms should be in a Compose, but are in ${compose.name}`);
  const transforms = compose === null ? list : compose.get("transforms");
  compose?.finish("map_items", "unpack_items", "log_stats", "overrides");
  return transforms
    .list()
    .map((field) => new BundlePart(field))
    .filter((part) => !part.isDisabled);
}

/** Returns the name without the letter or word of dictionary transforms: `Spacing` for `Spacingd` and `SpacingDict`. */
export const baseName = ({ name }: BundlePart): string => name.replace(/(?:d|D|Dict)$/, "");

/** A transform that does not change the values of the image. */
function unchanged(part: BundlePart): null {
  part.finish("data_type", "wrap_sequence", "channel_dim", "strict_check", "allow_missing_keys");
  return null;
}

const readers: Readonly<Record<string, (part: BundlePart) => MonaiStep | null>> = {
  LoadImage(part) {
    const reader = part.get("reader");
    if (!reader.isNull && !(reader.isString && knownReaders.test(reader.string())))
      throw unsupported(part.place, `the reader ${reader.text()} is not built in`);
    part.finish(
      "image_only",
      "ensure_channel_first",
      "simple_keys",
      "prune_meta_pattern",
      "prune_meta_sep",
      "expanduser",
    );
    return null;
  },
  EnsureChannelFirst: unchanged,
  AddChannel: unchanged,
  EnsureType: unchanged,
  ToTensor: unchanged,
  ToDevice: unchanged,
  CastToType: unchanged,
  Spacing(part) {
    const pixdim = part.get("pixdim");
    const entries = pixdim.isList ? pixdim.list() : [pixdim];
    const mode = modeOf(part.get("mode"));
    for (const key of ["align_corners", "scale_extent", "diagonal", "recompute_affine"])
      if (part.boolean(key, false)) throw unsupported(part.place, `${part.name} with ${key} is not built in`);
    const padding = part.get("padding_mode");
    if (!padding.isNull && padding.string() !== "border")
      throw unsupported(
        part.place,
        `${part.name} with padding_mode ${padding.text()} is not built in; border is`,
      );
    part.finish("ensure_same_shape");
    return { kind: "spacing", mode, pixdim: entries.map((entry) => (entry.isNull ? null : entry.number())) };
  },
  CropForeground(part) {
    part.get("source_key");
    const select = part.get("select_fn");
    const divisible = part.numbers("k_divisible") ?? [1];
    const mode = part.get("mode");
    if (divisible.some((by) => by !== 1))
      throw unsupported(part.place, `${part.name} with k_divisible is not built in`);
    if (!mode.isNull && mode.string() !== "constant")
      throw unsupported(part.place, `${part.name} with mode ${mode.text()} is not built in`);
    const step: MonaiStep = {
      kind: "crop",
      above: select.isNull ? 0 : thresholdOf(select, part),
      margin: part.numbers("margin") ?? [0],
      staysInside: part.boolean("allow_smaller", false),
    };
    part.finish("start_coord_key", "end_coord_key", "return_coords");
    return step;
  },
  ScaleIntensityRange(part) {
    const step: MonaiStep = {
      kind: "range",
      from: [part.get("a_min").number(), part.get("a_max").number()],
      to: boundsOf(part),
      clips: part.boolean("clip", false),
    };
    part.finish();
    return step;
  },
  ScaleIntensityRangePercentiles(part) {
    const step: MonaiStep = {
      kind: "percentiles",
      lower: part.get("lower").number(),
      upper: part.get("upper").number(),
      to: boundsOf(part),
      clips: part.boolean("clip", false),
      perChannel: part.boolean("channel_wise", false),
    };
    part.finish();
    return step;
  },
  ScaleIntensity(part) {
    const step: MonaiStep = {
      kind: "scale",
      to: [part.number("minv", 0), part.number("maxv", 1)],
      perChannel: part.boolean("channel_wise", false),
    };
    part.finish();
    return step;
  },
  NormalizeIntensity(part) {
    const perChannel = part.boolean("channel_wise", false);
    const subtrahend = part.numbers("subtrahend");
    const divisor = part.numbers("divisor");
    if (!perChannel && [subtrahend, divisor].some((list) => list !== null && list.length > 1))
      throw unsupported(part.place, `${part.name} has several subtrahends or divisors, but not channel_wise`);
    const step: MonaiStep = {
      kind: "normalize",
      nonzero: part.boolean("nonzero", false),
      perChannel,
      subtrahend,
      divisor,
    };
    part.finish();
    return step;
  },
};

const knownReaders = /^(?:monai\.data\.)?(?:NibabelReader|ITKReader|PydicomReader|NrrdReader)$/i;

function orientationOf(part: BundlePart, before: readonly MonaiStep[]): string {
  const axcodes = part.get("axcodes").string();
  if (!isOrientation(axcodes))
    throw unsupported(part.place, `the orientation ${part.get("axcodes").text()} is not built in`);
  if (before.some(({ kind }) => kind === "spacing" || kind === "crop"))
    throw unsupported(part.place, `${part.name} after a transform that resamples or crops is not built in`);
  part.finish("labels");
  return axcodes;
}

function modeOf(field: Field): "bilinear" | "nearest" {
  const first = field.isList ? field.list()[0] : field;
  if (first === undefined || first.isNull) return "bilinear";
  const mode = first.isString ? first.string() : first.text();
  if (mode === "bilinear" || mode === "nearest") return mode;
  throw unsupported(field.path, `the mode ${first.text()} is not built in; bilinear and nearest are`);
}

const boundsOf = (part: BundlePart): readonly (number | null)[] =>
  ["b_min", "b_max"].map((key) => {
    const field = part.get(key);
    return field.isNull ? null : field.number();
  });

/** Reads `$lambda x: x > -500` and `$lambda x: x > 0` as numbers. */
function thresholdOf(select: Field, part: BundlePart): number {
  const found = /\$lambda (\w+): \1 > (-?\d+(?:\.\d+)?)(?!\d)/.exec(select.text());
  if (found !== null) return Number(found[2]);
  throw unsupported(part.place, `select_fn is ${select.text()}; known is "$lambda x: x > NUMBER"`);
}
