import { ownEntry } from "../../../processor/contract/own-entry.js";
import { builderError } from "../../ground/errors/builder-errors.js";
import type { Field } from "../fields.js";
import type { NvidiaConfig } from "./config-pickle.js";
import { numberOr } from "./network-plan.js";
import type { Blend, CtStatistics, NvidiaOptions, NvidiaOutput } from "./nvidia-options.js";
import { nvidiaTasks } from "./nvidia-tasks.js";

/** Everything about a model's images that its files and its user say, resolved. */
export interface NvidiaFacts {
  readonly config: NvidiaConfig;
  /** Null for MRI. */
  readonly ct: CtStatistics | null;
  readonly hasForegroundChannel: boolean;
  readonly channelNames: readonly string[];
  readonly brats: 2021 | 2022 | null;
  readonly overlap: number;
  readonly blend: Blend;
  readonly tta: "nvidia" | "full" | false;
  readonly countsZeros: boolean;
  readonly outputs: readonly NvidiaOutput[];
}

export interface NvidiaSources {
  readonly args: Field;
  readonly config: NvidiaConfig | null;
  readonly dataset: Field | null;
  readonly options: NvidiaOptions;
  /** For messages. */
  readonly source: string;
}

/** @throws NVIDIA_FACTS_MISSING, which lists everything that is missing */
export function nvidiaFacts(sources: NvidiaSources): NvidiaFacts {
  const { facts, missing } = nvidiaFactsSoFar(sources);
  if (facts !== null) return facts;
  throw builderError(
    "NVIDIA_FACTS_MISSING",
    `${sources.source}: no file says\n${missing.map((line) => `  nvidia.${line}`).join("\n")}`,
  );
}

export interface FactsSoFar {
  /** Null while something is missing. */
  readonly facts: NvidiaFacts | null;
  /** What is missing: the key below `nvidia`, and what it means. */
  readonly missing: readonly string[];
}

export function nvidiaFactsSoFar(sources: NvidiaSources): FactsSoFar {
  const { args, config, dataset, options, source } = sources;
  const missing: string[] = [];
  if (config === null)
    missing.push("config: the config.pkl of the preprocessing, with patch size, spacing and channels");
  const modality = options.modality ?? modalityOf(dataset) ?? modalityOfTask(options.task);
  if (modality === null) missing.push('modality: "CT" or "MRI"');
  const ct = options.ct ?? (options.task === null ? null : (ownEntry(nvidiaTasks, options.task)?.ct ?? null));
  if (modality === "CT" && ct === null)
    missing.push(
      "ct: {min, max, mean, std} of the training's CT values, or task: a row of NVIDIA's table, 01 to 10",
    );
  const modalities = modalityNames(dataset);
  const ohe = config === null ? false : foregroundChannel(config, { modalities, options, source });
  if (ohe === null) missing.push("ohe: true if the preprocessing had the option ohe, otherwise false");
  if (config === null || modality === null || ohe === null || missing.length > 0)
    return { facts: null, missing };
  const channels = config.inChannels - (ohe ? 1 : 0);
  const facts: NvidiaFacts = {
    config,
    ct: modality === "CT" ? ct : null,
    hasForegroundChannel: ohe,
    channelNames: channelNames(modalities, { channels, modality }),
    brats: bratsOf(args, options),
    overlap: options.overlap ?? numberOr(args, "overlap", 0.5),
    blend: options.blend ?? blendOf(args),
    tta: options.tta ?? "nvidia",
    // Only 20.12 and 21.02 have this option, and normalise all voxels.
    countsZeros: !args.get("residual").isNull || !args.get("val_mode").isNull,
    outputs: options.outputs ?? ["nii"],
  };
  return { facts, missing };
}

function modalityNames(dataset: Field | null): readonly string[] | null {
  const field = dataset?.get("modality");
  if (field === undefined || field.isNull) return null;
  return field.entries().map(([, name]) => name.text());
}

/** The modality of the first channel decides, as in NVIDIA's preprocessing. */
export function modalityOf(dataset: Field | null): "CT" | "MRI" | null {
  const first = modalityNames(dataset)?.[0];
  if (first === undefined) return null;
  return first.replace(/"/g, "") === "CT" ? "CT" : "MRI";
}

function modalityOfTask(task: string | null): "CT" | "MRI" | null {
  const row = task === null ? undefined : ownEntry(nvidiaTasks, task);
  if (row === undefined) return null;
  return row.ct === null ? "MRI" : "CT";
}

interface ChannelSources {
  readonly modalities: readonly string[] | null;
  readonly options: NvidiaOptions;
  readonly source: string;
}

/** Returns whether a channel marks the foreground; null if no file says so. */
function foregroundChannel(
  { inChannels }: NvidiaConfig,
  { modalities, options, source }: ChannelSources,
): boolean | null {
  if (modalities === null) return options.ohe ?? (inChannels === 1 ? false : null);
  const more = inChannels - modalities.length;
  const found = more === 0 ? false : more === 1 ? true : null;
  if (found !== null && (options.ohe === null || options.ohe === found)) return found;
  throw builderError(
    "MODEL_FILE_INVALID",
    `${source}: dataset.json has ${modalities.length} modalities and in_channels of config.pkl is ${inChannels}; it should be ${options.ohe === null ? `${modalities.length}, or ${modalities.length + 1} with the option ohe` : `${modalities.length + (options.ohe ? 1 : 0)}, because nvidia.ohe is ${options.ohe}`}`,
  );
}

function channelNames(
  modalities: readonly string[] | null,
  { channels, modality }: { readonly channels: number; readonly modality: string },
): readonly string[] {
  return (
    modalities ?? Array.from({ length: channels }, (_, i) => (channels === 1 ? modality : `${modality} ${i}`))
  );
}

export function bratsOf(args: Field, { brats }: NvidiaOptions): 2021 | 2022 | null {
  if (brats !== null) return brats === false ? null : brats === "2021" ? 2021 : 2022;
  const isBrats = ["brats", "brats22_model"].some((name) => args.get(name).raw === true);
  return isBrats ? 2021 : null;
}

export function blendOf(args: Field): Blend {
  const field = args.get("blend");
  return field.isString && field.string() === "constant" ? "constant" : "gaussian";
}
