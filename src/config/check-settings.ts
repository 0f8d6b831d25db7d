import { answerLabels } from "../../processor/contract/answer-labels.js";
import type { LabelDefinition, ProcessorManifest } from "../../processor/contract/manifest.js";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { completeMetadata } from "../../processor/dicom-objects/read-metadata.js";

/**
 * Refuses settings of config.json with which the model could not segment any case, or not describe its results.
 *
 * @throws CONFIG_INVALID with every fault; DICOM_METADATA_INVALID, DICOM_UNKNOWN_SEGMENT_NAME
 */
export function checkSettingsForModel(manifest: ProcessorManifest): void {
  const { models, settings } = manifest;
  const { channelNames, plan } = models[0];
  const labels = answerLabels(manifest, settings);
  const faults = [
    ...(settings.inputChannels === null ? [] : channelFaults(settings.inputChannels, channelNames)),
    ...pictureFaults(settings.outputExtension, plan.dimensions),
    ...metadataFaults(settings.dicomMetadata, labels),
  ];
  if (faults.length > 0) throw sharedError("CONFIG_INVALID", faults.join("\n"));
}

function channelFaults(
  endings: Readonly<Record<string, string>>,
  channelNames: readonly string[],
): readonly string[] {
  const all = channelNames.join(", ");
  const twice = channelNames.find((name, i) => channelNames.indexOf(name) !== i);
  if (twice !== undefined)
    return [
      `input_channels: the model has several channels called ${twice} (${all}), so that their names cannot distinguish them; remove input_channels and name the files <case>_0000, <case>_0001, …, or give one file that holds all channels`,
    ];
  const known = channelNames.filter((name) => Object.hasOwn(endings, name));
  const missing = channelNames.filter((name) => !known.includes(name));
  const unknown = Object.keys(endings).filter((name) => !channelNames.includes(name));
  return [
    ...missing.map((name) => `input_channels: no ending for the channel ${name}`),
    ...unknown.map((name) => `input_channels: the model has no channel ${name}; its channels are ${all}`),
    ...known.flatMap((name, i) => {
      // A file goes to the first channel whose ending it has.
      const taker = known.slice(0, i).find((other) => endings[name]!.endsWith(endings[other]!));
      return taker === undefined
        ? []
        : [
            `input_channels: a file that ends in ${endings[name]} (${name}) also ends in ${endings[taker]} (${taker})`,
          ];
    }),
  ];
}

/** Refuses metadata that does not describe every label, because a result could have any. */
function metadataFaults(
  metadata: ProcessorManifest["settings"]["dicomMetadata"],
  { names, foregroundLabels }: LabelDefinition,
): readonly string[] {
  if (metadata === null) return [];
  const equipment = { manufacturer: "-", modelName: "-", deviceSerialNumber: "-", softwareVersions: "-" };
  const { segments } = completeMetadata(metadata, "dicom", { equipment, algorithmName: "-" });
  return foregroundLabels
    .filter((label) => segments.every((segment) => segment.label !== label))
    .map((label) => {
      const name = names.find(({ value }) => value === label)?.name;
      return `dicom: no segment for label ${label}${name === undefined ? "" : ` (${name})`}`;
    });
}

/** Refuses a picture, which has one slice, as the format for volumes. */
function pictureFaults(outputExtension: string, dimensions: 2 | 3): readonly string[] {
  if (dimensions === 2 || !["png", "bmp"].includes(outputExtension)) return [];
  return [
    `output_extension: ${outputExtension} can hold one slice only, but the model segments volumes; use nii.gz, for example`,
  ];
}
