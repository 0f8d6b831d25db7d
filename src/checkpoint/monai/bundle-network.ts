import { ownEntry } from "../../../processor/contract/own-entry.js";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import type { Field } from "../fields.js";
import type { NetworkPlan } from "../network/network-plan.js";
import { BundlePart, unsupported } from "./bundle-part.js";
import { dynUNetPlan } from "./dynunet-plan.js";
import type { BundleNetworkSources, PlanSources } from "./network-arguments.js";
import { monaiUNetPlan } from "./unet-plan.js";

/** A network's description before its windows and weights are known. */
export interface BundleNetwork {
  readonly dimensions: 2 | 3;
  plan(sources: BundleNetworkSources): NetworkPlan;
}

/**
 * Reads the class of a bundle's network and its arguments.
 *
 * @throws BUNDLE_UNSUPPORTED for a class or an argument that is not built in
 */
export function readBundleNetwork(field: Field): BundleNetwork {
  const part = new BundlePart(field);
  const build = ownEntry(builders, part.name);
  if (build === undefined)
    throw unsupported(
      part.place,
      `the network ${part.name} is not built in; UNet and DynUNet are. Export it to ONNX, write plans.json and dataset.json for it, and name the file with --onnx`,
    );
  const dimensions = (
    part.get("spatial_dims").isNull ? part.get("dimensions") : part.get("spatial_dims")
  ).integer();
  if (dimensions !== 2 && dimensions !== 3)
    throw unsupported(part.place, `spatial_dims should be 2 or 3, but is ${dimensions}`);
  return {
    dimensions,
    plan(sources) {
      const plan = build(part, { ...sources, dimensions });
      checkPatch(plan);
      return plan;
    },
  };
}

const builders: Readonly<Record<string, (part: BundlePart, sources: PlanSources) => NetworkPlan>> = {
  UNet: monaiUNetPlan,
  Unet: monaiUNetPlan,
  DynUNet: dynUNetPlan,
  DynUnet: dynUNetPlan,
  Dynunet: dynUNetPlan,
};

/** @throws PLANS_UNSUPPORTED for windows whose halves do not meet the skips, which MONAI cannot run either */
function checkPatch({ stages, monaiUNet, patchSize }: NetworkPlan): void {
  const strides = monaiUNet?.strides ?? stages.map(({ stride }) => stride);
  const total = patchSize.map((_, axis) => strides.reduce((product, stride) => product * stride[axis]!, 1));
  if (patchSize.every((size, axis) => size % total[axis]! === 0)) return;
  throw sharedError(
    "PLANS_UNSUPPORTED",
    `the roi_size ${patchSize.join("×")} cannot be divided by the network's strides ${total.join("×")}`,
  );
}
