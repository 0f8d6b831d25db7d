import { describe, expect, test } from "vitest";
import type { GrandChallengeTarget } from "../../../../processor/contract/target.js";
import { completeTarget } from "../../../../src/config/target-config.js";
import { checkModel } from "../../../../src/targets/grand-challenge/check-model.js";
import { grandChallenge } from "../../../../src/targets/grand-challenge/grand-challenge.js";
import { targetFromConfig } from "../../../../src/targets/targets.js";
import { manifestOf } from "../../../support/targets/manifest-of.js";
import { targetImageContext } from "../../../support/targets/target-image-context.js";

const target: GrandChallengeTarget = {
  kind: "grand-challenge",
  apiMethod: "invoke",
  inputSockets: null,
  outputSocket: "segmentation",
  jsonOutputs: [],
};

describe("a model for a platform that does not take it is refused before the image is built:", () => {
  test.each([
    [
      "a channel without socket",
      { inputSockets: { CT: "ct" } },
      manifestOf(["CT", "PET"]),
      /no socket for the channel PET/,
    ],
    [
      "a channel without socket whose name JavaScript knows",
      { inputSockets: { CT: "ct" } },
      manifestOf(["CT", "constructor"]),
      /no socket for the channel constructor/,
    ],
    [
      "a socket for no channel",
      { inputSockets: { MR: "mr", CT: "ct" } },
      manifestOf(["CT"]),
      /no channel MR, but CT/,
    ],
    ["a label beyond 8 bits", {}, manifestOf(["CT"], 256), /the label 256/],
    [
      "numbers of a label that the model lacks",
      { jsonOutputs: [{ relativePath: "a.json", content: "volumes_ml" as const, label: "spleen" }] },
      manifestOf(["CT"]),
      /no label spleen, but background, liver/,
    ],
    [
      "volumes of flat images",
      { jsonOutputs: [{ relativePath: "a.json", content: "volumes_ml" as const, label: null }] },
      manifestOf(["red", "green", "blue"], 2, "NaturalImage2DIO"),
      /a\.json asks for volumes_ml, .* use voxel_counts/,
    ],
  ] as const)("%s", (_, changed, found, says) => {
    expect(() => checkModel({ ...target, ...changed }, found)).toThrow(says);
  });

  test("a model that fits is accepted", () => {
    const inputSockets = { PET: "pet", CT: "ct" };
    expect(() => checkModel({ ...target, inputSockets }, manifestOf(["CT", "PET"]))).not.toThrow();
  });
});

test.each(["exec", "invoke"] as const)(
  "an image says its API method, %s, in label and command",
  async (apiMethod) => {
    const image = await grandChallenge.image({ ...target, apiMethod }, targetImageContext);
    expect(image.labels["org.grand-challenge.api-method"]).toBe(apiMethod);
    expect([...image.entrypoint, ...image.command]).toEqual([
      "/usr/local/bin/node",
      "/opt/nnunet-processor/processor/runtime/main.js",
      apiMethod,
    ]);
    const [file] = image.lastLayers.flatMap(({ entries }) => entries);
    expect(file?.path).toBe("opt/nnunet-processor/target.json");
    expect(file?.kind === "file" && "text" in file.source && JSON.parse(file.source.text)).toEqual({
      targetVersion: 1,
      target: { ...target, apiMethod },
    });
  },
);

describe("config.json", () => {
  test("makes a server by default, which reads the only image socket", () => {
    const config = completeTarget({
      target: "grand-challenge",
      grand_challenge: {
        output: "organ-segmentation",
        json_outputs: [{ relative_path: "volumes.json", content: "volumes_ml" }],
      },
    });
    expect(targetFromConfig(config)).toEqual({
      kind: "grand-challenge",
      apiMethod: "invoke",
      inputSockets: null,
      outputSocket: "organ-segmentation",
      jsonOutputs: [{ relativePath: "volumes.json", content: "volumes_ml", label: null }],
    });
  });

  test("must name the output's socket", () => {
    expect(() => targetFromConfig(completeTarget({ target: "grand-challenge" }))).toThrow(
      /"output": "<slug>"/,
    );
  });
});
