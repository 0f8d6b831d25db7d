import { sharedError } from "../../../processor/contract/shared-errors.js";
import type { GrandChallengeTarget } from "../../../processor/contract/target.js";
import type { GrandChallengeJson } from "../../config/target-config.js";
import type { PlatformConfig } from "../platform.js";

export const grandChallengeConfig: PlatformConfig<GrandChallengeTarget> = {
  key: "grand_challenge",
  target: ({ grand_challenge: json }) => {
    if (json === undefined)
      throw sharedError(
        "CONFIG_INVALID",
        'the target grand-challenge needs the output socket: "grand_challenge": {"output": "<slug>"}',
      );
    return targetOf(json);
  },
  naming: null,
  initial: {
    option: "output-socket",
    meaning: "with the slug of the socket for the segmentation",
    keys: (output) => ({ grand_challenge: { output } }),
    channelsNote: (names) =>
      `if each channel has its own socket, add "inputs": ${inputsExample(names)} to "grand_challenge" in the file`,
  },
};

/** Returns what `inputs` would be, with a place for each socket: `{"T2": "<slug>", "ADC": "<slug>"}`. */
const inputsExample = (channelNames: readonly string[]): string =>
  `{${channelNames.map((name) => `${JSON.stringify(name)}: "<slug>"`).join(", ")}}`;

const targetOf = (json: GrandChallengeJson): GrandChallengeTarget => ({
  kind: "grand-challenge",
  apiMethod: json.api_method ?? "invoke",
  inputSockets: json.inputs ?? null,
  outputSocket: json.output,
  jsonOutputs: (json.json_outputs ?? []).map(({ relative_path: relativePath, content, label }) => ({
    relativePath,
    content,
    label: label ?? null,
  })),
});
