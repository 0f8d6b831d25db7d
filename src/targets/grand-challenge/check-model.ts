import { answerLabels } from "../../../processor/contract/answer-labels.js";
import type { ProcessorManifest } from "../../../processor/contract/manifest.js";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import type { GrandChallengeTarget } from "../../../processor/contract/target.js";

/** Refuses labels of more than 8 bits, and a config.json that does not fit the model's channels and labels. */
export function checkModel(target: GrandChallengeTarget, manifest: ProcessorManifest): void {
  const { models, settings } = manifest;
  const { channelNames, plan } = models[0];
  const labels = answerLabels(manifest, settings);
  const written = [...labels.foregroundLabels, ...(labels.regionsClassOrder ?? [])];
  const largest = written.reduce((most, label) => Math.max(most, label), 0);
  if (largest > 255)
    throw sharedError(
      "TARGET_UNFIT",
      `grand-challenge takes masks of 8 bits; the model has the label ${largest}`,
    );
  const labelNames = labels.names.map(({ name }) => name);
  const faults = [
    ...socketFaults(target, channelNames),
    ...(plan.imageReader === "NaturalImage2DIO" ? volumeFaults(target) : []),
    ...target.jsonOutputs
      .filter(({ label }) => label !== null && !labelNames.includes(label))
      .map(
        ({ label }) =>
          `grand_challenge.json_outputs: the model has no label ${label}, but ${labelNames.join(", ")}`,
      ),
    ...(settings.saveProbabilities
      ? ["save_probabilities: grand-challenge takes one image from a socket's folder, and no probabilities"]
      : []),
  ];
  if (faults.length > 0) throw sharedError("CONFIG_INVALID", faults.join("\n"));
}

/** Returns the faults of `volumes_ml` for a model of flat images, which have an area and not a volume. */
const volumeFaults = ({ jsonOutputs }: GrandChallengeTarget): readonly string[] =>
  jsonOutputs
    .filter(({ content }) => content === "volumes_ml")
    .map(
      ({ relativePath }) =>
        `grand_challenge.json_outputs: ${relativePath} asks for volumes_ml, but the model segments flat images (NaturalImage2DIO), which have no volume; use voxel_counts`,
    );

function socketFaults(
  { inputSockets }: GrandChallengeTarget,
  channelNames: readonly string[],
): readonly string[] {
  if (inputSockets === null) return [];
  const wanted = channelNames.join(", ");
  const missing = channelNames.filter((name) => !Object.hasOwn(inputSockets, name));
  const unknown = Object.keys(inputSockets).filter((name) => !channelNames.includes(name));
  return [
    ...missing.map((name) => `grand_challenge.inputs: no socket for the channel ${name}`),
    ...unknown.map((name) => `grand_challenge.inputs: the model has no channel ${name}, but ${wanted}`),
  ];
}
