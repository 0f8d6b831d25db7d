import type { PostProcessingStep } from "../../../processor/contract/manifest.js";
import type { MonaiRules } from "../../../processor/contract/monai-rules.js";
import type { Field } from "../fields.js";
import { type BundlePart, unsupported } from "./bundle-part.js";
import { type BundlePreprocessing, baseName, transformsIn } from "./read-preprocessing.js";

export interface BundlePostprocessing extends Pick<MonaiRules, "activation" | "labelsOn" | "components"> {
  /** True if each output is compared with a threshold, false if the largest one wins. */
  readonly isThresholded: boolean;
  /** On the image's grid. */
  readonly postProcessing: readonly PostProcessingStep[];
  /** Where the answer differs from MONAI's on purpose. */
  readonly notes: readonly string[];
}

export interface PostprocessingSources extends BundlePreprocessing {
  /** The labels without background. */
  readonly labels: readonly number[];
  readonly dimensions: 2 | 3;
}

/**
 * Reads the transforms after the network.
 *
 * @throws BUNDLE_UNSUPPORTED for a transform, an argument or an order that is not built in
 */
export function readPostprocessing(list: Field, sources: PostprocessingSources): BundlePostprocessing {
  const reader = new PostprocessingReader(sources);
  for (const part of transformsIn(list)) reader.read(part);
  return reader.finish(list.path);
}

const keepsValues: ReadonlySet<string> = new Set([
  "SaveImage",
  "EnsureType",
  "ToTensor",
  "ToDevice",
  "CastToType",
]);

type Components = MonaiRules["components"];

class PostprocessingReader {
  readonly #sources: PostprocessingSources;
  #activation: MonaiRules["activation"] = "none";
  /** The threshold; null for the largest output; undefined before the transform that makes labels. */
  #threshold: number | null | undefined = undefined;
  #isInverted = false;
  #isSigmoidAfter = false;
  #labelsOn: MonaiRules["labelsOn"] = "image";
  #onNetwork: Components = [];
  #onImage: Components = [];
  readonly #notes: string[] = [];

  constructor(sources: PostprocessingSources) {
    this.#sources = sources;
  }

  read(part: BundlePart): void {
    const name = baseName(part);
    if (name === "Activations") this.#activate(part);
    else if (name === "Invert") this.#invert(part);
    else if (name === "AsDiscrete") this.#discretize(part);
    else if (name === "KeepLargestConnectedComponent") this.#keepLargest(part);
    else if (!keepsValues.has(name))
      throw unsupported(
        part.place,
        `the transform ${part.name} is not built in; known are Activations, Invert, AsDiscrete, KeepLargestConnectedComponent and SaveImage, as dictionary transforms`,
      );
  }

  finish(place: string): BundlePostprocessing {
    const { steps, axcodes } = this.#sources;
    const isMoved = axcodes !== null || steps.some(({ kind }) => kind === "spacing" || kind === "crop");
    if (this.#threshold === undefined)
      throw unsupported(
        place,
        "nothing makes labels of the network's output; AsDiscrete with argmax or threshold does",
      );
    if (isMoved && !this.#isInverted)
      throw unsupported(place, "Invert is missing, without which the answer is not on the image's grid");
    this.#checkThreshold(place);
    const onImage = isMoved ? this.#onImage : [...this.#onNetwork, ...this.#onImage];
    return {
      activation: this.#activation,
      labelsOn: isMoved ? this.#labelsOn : "image",
      components: isMoved ? this.#onNetwork : [],
      isThresholded: this.#threshold !== null,
      postProcessing: onImage.map((step) => ({ ...step, minimumMm3: null })),
      notes: this.#notes,
    };
  }

  #activate(part: BundlePart): void {
    const isSoftmax = part.boolean("softmax", false);
    const isSigmoid = part.boolean("sigmoid", false);
    part.finish("dim");
    if (this.#threshold !== undefined || (isSoftmax && isSigmoid))
      throw unsupported(
        part.place,
        `${part.name} is only built in before AsDiscrete, with softmax or sigmoid`,
      );
    // After the interpolation, an activation does not change which output is the largest.
    if (this.#isInverted) this.#isSigmoidAfter = isSigmoid;
    else if (isSoftmax || isSigmoid) this.#activation = isSoftmax ? "softmax" : "sigmoid";
  }

  #invert(part: BundlePart): void {
    const isNearest = part.boolean("nearest_interp", true);
    for (const key of ["transform", "orig_keys", "orig_meta_keys", "post_func"]) part.get(key);
    part.finish();
    if (this.#isInverted) throw unsupported(part.place, "Invert occurs twice");
    this.#isInverted = true;
    const isLabels = this.#threshold !== undefined;
    if (isLabels && !isNearest)
      this.#notes.push(
        "Invert would interpolate labels linearly, which mixes them; the nearest label is taken, as with nearest_interp",
      );
    if (!isLabels && isNearest)
      throw unsupported(part.place, "Invert with nearest_interp before AsDiscrete is not built in");
  }

  #discretize(part: BundlePart): void {
    if (this.#threshold !== undefined) throw unsupported(part.place, "AsDiscrete occurs twice");
    const isLargest = part.boolean("argmax", false);
    const threshold = part.get("threshold");
    part.finish("dim", "keepdim");
    if (isLargest === !threshold.isNull)
      throw unsupported(part.place, `${part.name} should have either argmax or threshold`);
    this.#threshold = isLargest ? null : threshold.number();
    this.#labelsOn = this.#isInverted ? "image" : "network";
  }

  #checkThreshold(place: string): void {
    const threshold = this.#threshold;
    if (threshold === null) return;
    const isSigmoid = this.#activation === "sigmoid" || this.#isSigmoidAfter;
    const wanted = isSigmoid ? 0.5 : 0;
    if (this.#activation === "softmax" || threshold !== wanted)
      throw unsupported(place, `the threshold ${threshold} is not built in; 0.5 after sigmoid is`);
    const kinds = this.#sources.steps.map(({ kind }) => kind);
    if (kinds.includes("spacing") && kinds.lastIndexOf("crop") > kinds.indexOf("spacing"))
      throw unsupported(place, "a threshold together with CropForeground after Spacing is not built in");
  }

  #keepLargest(part: BundlePart): void {
    if (this.#threshold === undefined)
      throw unsupported(part.place, `${part.name} before AsDiscrete is not built in`);
    const given = part.numbers("applied_labels");
    const labels = given ?? this.#sources.labels;
    const connectivity = part.number("connectivity", this.#sources.dimensions);
    const isOneHot = part.boolean("is_onehot", false);
    const isSingle = part.number("num_components", 1) === 1;
    const isIndependent = part.boolean("independent", true);
    part.finish();
    if (
      isOneHot ||
      !isSingle ||
      this.#threshold !== null ||
      (connectivity !== 1 && connectivity !== this.#sources.dimensions)
    )
      throw unsupported(
        part.place,
        `${part.name} is only built in for labels of argmax, for one component, with connectivity 1 or ${this.#sources.dimensions}`,
      );
    const step = { connectivity: connectivity === 1 ? 6 : 26 } as const;
    const added = (isIndependent ? labels.map((label) => [label]) : [labels]).map((of) => ({
      ...step,
      labels: of,
    }));
    if (this.#isInverted) this.#onImage = [...this.#onImage, ...added];
    else this.#onNetwork = [...this.#onNetwork, ...added];
  }
}
