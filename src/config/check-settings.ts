import { ProcessorError } from "../../processor/errors.js";
import type { ProcessorManifest } from "../../processor/model/manifest.js";

/**
 * Refuses what config.json says about a model when no case could be segmented with it.
 *
 * @throws CONFIG_INVALID with every fault
 */
export function checkSettingsForModel({ models, settings }: ProcessorManifest): void {
  const { channelNames, plan } = models[0]!;
  const faults = [
    ...(settings.inputChannels === null ? [] : channelFaults(settings.inputChannels, channelNames)),
    ...pictureFaults(settings.outputExtension, plan.dimensions),
  ];
  if (faults.length > 0) throw new ProcessorError("CONFIG_INVALID", faults.join("\n"));
}

function channelFaults(
  endings: Readonly<Record<string, string>>,
  channelNames: readonly string[],
): readonly string[] {
  const all = channelNames.join(", ");
  const twice = channelNames.find((name, i) => channelNames.indexOf(name) !== i);
  if (twice !== undefined)
    return [
      `input_channels: the model has several channels called ${twice} (${all}), which a name can't tell apart; leave input_channels out: files are <case>_0000, <case>_0001, …, or one file that holds all channels`,
    ];
  const known = channelNames.filter((name) => Object.hasOwn(endings, name));
  const missing = channelNames.filter((name) => !known.includes(name));
  const unknown = Object.keys(endings).filter((name) => !channelNames.includes(name));
  return [
    ...missing.map((name) => `input_channels: no ending for the channel ${name}`),
    ...unknown.map((name) => `input_channels: the model has no channel ${name}, but ${all}`),
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

/** A picture has one slice. */
function pictureFaults(outputExtension: string, dimensions: 2 | 3): readonly string[] {
  if (dimensions === 2 || !["png", "bmp"].includes(outputExtension)) return [];
  return [`output_extension: ${outputExtension} holds one slice, and the model segments volumes`];
}
