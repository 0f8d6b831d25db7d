import type { MonaiRules } from "../../../processor/contract/monai-rules.js";
import type { Zyx } from "../../../processor/imaging/volume/axes.js";
import type { Field } from "../fields.js";
import { BundlePart, unsupported } from "./bundle-part.js";

export interface BundleWindows extends Pick<MonaiRules, "overlap" | "blend"> {
  readonly patchSize: readonly number[];
  /** The order of the image's axes (z y x) in which the network sees them. */
  readonly transposeForward: Zyx<0 | 1 | 2>;
}

/**
 * Reads the sliding window.
 *
 * @throws BUNDLE_UNSUPPORTED for another inferer or argument
 */
export function readInferer(field: Field, dimensions: 2 | 3): BundleWindows {
  if (field.isNull) throw unsupported(field.path, "there is no inferer");
  const part = new BundlePart(field);
  if (part.name !== "SlidingWindowInferer" && part.name !== "SliceInferer")
    throw unsupported(
      part.place,
      `the inferer ${part.name} is not built in; SlidingWindowInferer and SliceInferer are. If the network takes images of any size, write a SlidingWindowInferer with its roi_size`,
    );
  const slices = part.name === "SliceInferer" ? part.number("spatial_dim", 0) : null;
  if (slices !== null && dimensions !== 2)
    throw unsupported(part.place, "a SliceInferer is only built in for a 2-D network");
  const windows = {
    patchSize: roiSize(part, dimensions),
    overlap: overlapOf(part),
    blend: blendOf(part),
    transposeForward: orderOf(part, { dimensions, slices }),
  };
  if (part.number("sigma_scale", 0.125) !== 0.125 || part.number("cval", 0) !== 0)
    throw unsupported(
      part.place,
      `${part.name} with sigma_scale other than 0.125 or cval other than 0 is not built in`,
    );
  const padding = part.get("padding_mode");
  if (!padding.isNull && padding.string() !== "constant")
    throw unsupported(part.place, `${part.name} with padding_mode ${padding.text()} is not built in`);
  part.finish(
    "sw_batch_size",
    "sw_device",
    "progress",
    "cache_roi_weight_map",
    "cpu_thresh",
    "buffer_steps",
    "buffer_dim",
    "with_coord",
  );
  return windows;
}

function roiSize(part: BundlePart, dimensions: 2 | 3): readonly number[] {
  const field = part.get("roi_size");
  const sizes = field.isList
    ? field.list().map((item) => (item.isNumber ? item.integer() : -1))
    : [field.integer()];
  const repeated = sizes.length === 1 ? Array.from({ length: dimensions }, () => sizes[0]!) : sizes;
  if (repeated.length === dimensions && repeated.every((size) => size >= 1 && size <= 4096)) return repeated;
  throw unsupported(
    part.place,
    `roi_size is ${field.text()}; it should have ${dimensions} sizes above 0, because windows of an image's own size are not built in`,
  );
}

function overlapOf(part: BundlePart): number {
  const overlaps = part.numbers("overlap") ?? [0.25];
  const [first = 0.25] = overlaps;
  if (overlaps.some((overlap) => overlap !== first) || !(first >= 0 && first < 1))
    throw unsupported(
      part.place,
      `overlap should be one number from 0 to below 1, but is ${overlaps.join(", ")}`,
    );
  return first;
}

function blendOf(part: BundlePart): MonaiRules["blend"] {
  const mode = part.get("mode");
  const name = mode.isNull ? "constant" : mode.string();
  if (name === "constant" || name === "gaussian") return name;
  throw unsupported(part.place, `mode should be constant or gaussian, but is ${mode.text()}`);
}

interface OrderOptions {
  readonly dimensions: 2 | 3;
  /** MONAI's number of the axis across slices, x first; null for none. */
  readonly slices: number | null;
}

/** MONAI has the axes x, y, z, which a network sees in this order. */
function orderOf(part: BundlePart, { dimensions, slices }: OrderOptions): Zyx<0 | 1 | 2> {
  if (dimensions === 3) return [2, 1, 0];
  switch (slices) {
    case null:
    case 2:
      return [0, 2, 1];
    case 1:
      return [1, 2, 0];
    case 0:
      return [2, 1, 0];
    default:
      throw unsupported(part.place, `spatial_dim should be 0, 1 or 2, but is ${slices}`);
  }
}
