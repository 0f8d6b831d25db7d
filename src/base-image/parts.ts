import type { InferenceEngineChoice } from "../../processor/contract/run-settings.js";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { builderError } from "../ground/errors/builder-errors.js";
import type { ImagePlatform } from "../image/image-plan.js";
import type { FindIndex } from "./python-index.js";
import { readRecipe } from "./recipe.js";
import { type BasePart, type BaseVariant, baseParts } from "./variants.js";
import { isUnpacked } from "./wheel-layers.js";

export interface PartsWish {
  /** The parts that the user leaves out. */
  readonly named: readonly BasePart[];
  /** False for a base image that the user names. */
  readonly isOwn: boolean;
  readonly variant: BaseVariant;
  readonly platform: ImagePlatform;
  readonly cacheFolder: string;
  readonly findIndex: FindIndex;
  /** What the image will compute networks with on a CPU. */
  readonly inferenceEngine: InferenceEngineChoice;
  readonly onNote: (text: string) => void;
}

/**
 * Returns the parts that a base image is built without: those that the user names, and those whose wheels are neither in
 * the cache nor in an index of Python packages, because no index is known. An image for one inference engine does not
 * have the other.
 *
 * @throws USAGE for a base image that has no such parts, or for the engine that the image needs; PACKAGE_INDEX_UNKNOWN if
 * it needs a part that cannot be had
 */
export async function choosePartsToLeaveOut(wish: PartsWish): Promise<readonly BasePart[]> {
  const { named, isOwn, variant, platform } = wish;
  const hasParts = isOwn && variant === "cpu";
  if (named.length > 0 && !hasParts)
    throw sharedError("USAGE", `--leave-out ${named.join(" ")} is for the program's own base image for CPUs`);
  if (!hasParts) return [];
  if (wish.inferenceEngine === "onnxruntime") return baseParts;
  const isNeeded = wish.inferenceEngine === "openvino";
  if (isNeeded && named.includes("openvino"))
    throw sharedError(
      "USAGE",
      "the inference engine is openvino, but --leave-out openvino builds without it",
    );
  const leftOut: BasePart[] = [];
  for (const part of baseParts) {
    if (named.includes(part)) leftOut.push(part);
    else if (!(await canGet(part, wish))) {
      if (isNeeded)
        throw builderError("PACKAGE_INDEX_UNKNOWN", `the image needs ${part}, but no index is configured`);
      leftOut.push(part);
      wish.onNote(
        `building without ${part}, because no index of Python packages is known: install pip, or set PIP_INDEX_URL`,
      );
    }
  }
  return leftOut;

  async function canGet(part: BasePart, { cacheFolder, findIndex }: PartsWish): Promise<boolean> {
    const { wheels } = await readRecipe(
      variant,
      platform,
      [],
      baseParts.filter((other) => other !== part),
    );
    for (const wheel of wheels)
      if (!(await isUnpacked(wheel, cacheFolder))) return (await findIndex()) !== null;
    return true;
  }
}
