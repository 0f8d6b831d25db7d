import type { InferencePlan } from "../../processor/contract/manifest.js";
import type { MonaiStep } from "../../processor/contract/monai-rules.js";
import type { ChannelInspection } from "./inspection.js";

/** Describes the channels of a model. The transforms of a MONAI bundle stand for nnU-Net's normalisation scheme. */
export const channelInspections = (
  channelNames: readonly string[],
  { normalization, monai }: Pick<InferencePlan, "normalization" | "monai">,
): readonly ChannelInspection[] =>
  channelNames.map((name, i) => ({
    name,
    normalization:
      monai === undefined
        ? (normalization[i]?.scheme ?? "unknown")
        : monai.steps.flatMap(transformsOf).join(", "),
  }));

const transformNames: Readonly<Partial<Record<MonaiStep["kind"], string>>> = {
  range: "ScaleIntensityRanged",
  percentiles: "ScaleIntensityRangePercentilesd",
  scale: "ScaleIntensityd",
  normalize: "NormalizeIntensityd",
};

const transformsOf = ({ kind }: MonaiStep): readonly string[] => [transformNames[kind] ?? []].flat();
