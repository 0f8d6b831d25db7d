import { describe, expect, test } from "vitest";
import type { ModelManifest, ProcessorManifest } from "../../../processor/contract/manifest.js";
import type { GrandChallengeTarget } from "../../../processor/contract/target.js";
import { checkModelForTarget } from "../../../src/targets/check-model.js";
import { testSettings } from "../../support/convert.js";

const target: GrandChallengeTarget = {
  kind: "grand-challenge",
  apiMethod: "invoke",
  inputSockets: null,
  outputSocket: "segmentation",
  jsonOutputs: [],
};

function manifest(
  channelNames: readonly string[],
  largestLabel = 2,
  imageReader = "SimpleITKIO",
): ProcessorManifest {
  const model = {
    channelNames,
    plan: { imageReader } as ModelManifest["plan"],
    labels: {
      names: [
        { name: "background", value: 0 },
        { name: "liver", value: largestLabel },
      ],
      foregroundLabels: [largestLabel],
      regionsClassOrder: null,
      ignoreLabel: null,
    },
  } as Partial<ModelManifest> as ModelManifest;
  const task = { id: 1, name: "Test" };
  return { manifestVersion: 1, task, settings: testSettings, models: [model], postProcessing: [] };
}

describe("a model for a platform that does not take it is refused before the image is built:", () => {
  test.each([
    [
      "a channel without socket",
      { inputSockets: { CT: "ct" } },
      manifest(["CT", "PET"]),
      /no socket for the channel PET/,
    ],
    [
      "a channel without socket whose name JavaScript knows",
      { inputSockets: { CT: "ct" } },
      manifest(["CT", "constructor"]),
      /no socket for the channel constructor/,
    ],
    [
      "a socket for no channel",
      { inputSockets: { MR: "mr", CT: "ct" } },
      manifest(["CT"]),
      /no channel MR, but CT/,
    ],
    ["a label beyond 8 bits", {}, manifest(["CT"], 256), /the label 256/],
    [
      "numbers of a label that the model lacks",
      { jsonOutputs: [{ relativePath: "a.json", content: "volumes_ml" as const, label: "spleen" }] },
      manifest(["CT"]),
      /no label spleen, but background, liver/,
    ],
    [
      "volumes of flat images",
      { jsonOutputs: [{ relativePath: "a.json", content: "volumes_ml" as const, label: null }] },
      manifest(["red", "green", "blue"], 2, "NaturalImage2DIO"),
      /a\.json asks for volumes_ml, .* use voxel_counts/,
    ],
  ] as const)("%s", (_, changed, found, says) => {
    expect(() => checkModelForTarget({ ...target, ...changed }, found)).toThrow(says);
  });

  test("several channels for AMOS22", () => {
    expect(() => checkModelForTarget({ kind: "amos22" }, manifest(["CT", "PET"]))).toThrow(/CT, PET/);
  });

  test("a model that fits is accepted", () => {
    const inputSockets = { PET: "pet", CT: "ct" };
    expect(() => checkModelForTarget({ ...target, inputSockets }, manifest(["CT", "PET"]))).not.toThrow();
    expect(() => checkModelForTarget({ kind: "amos22" }, manifest(["CT"], 300))).not.toThrow();
  });
});
