import { describe, expect, test } from "vitest";
import { targetKinds } from "../../../processor/contract/target.js";
import { completeConfig } from "../../../src/config/config.js";
import { configSchema } from "../../../src/config/schema/config-schema.js";
import { completeTarget } from "../../../src/config/target-config.js";
import {
  allPlatforms,
  archiveNameFromConfig,
  imageNameFromConfig,
  platformOf,
  targetFromConfig,
  targetKindFromLabels,
} from "../../../src/targets/targets.js";
import { targetImageContext } from "../../support/targets/target-image-context.js";

const ours = "org.nnunet-processor.target";
const theirs = "org.grand-challenge.api-method";

describe("the target that an image was built for", () => {
  test.each([
    [{ [ours]: "amos22" }, "amos22"],
    [{ [ours]: "sol", other: "1" }, "sol"],
    [{ [ours]: "plain", [theirs]: "invoke" }, "grand-challenge"],
    [{ [ours]: "moon" }, "grand-challenge"],
    [{}, "grand-challenge"],
  ])("is, by the labels %j, %s", (labels, target) => {
    expect(targetKindFromLabels(labels)).toBe(target);
  });
});

describe("a platform", () => {
  test.each(targetKinds)("%s is in the table under its own name", (kind) => {
    expect(platformOf(kind).kind).toBe(kind);
  });

  test("has the key of config.json that the schema describes", async () => {
    const { properties } = configSchema;
    for (const { config } of allPlatforms)
      if (config.key !== null) expect(properties).toHaveProperty(config.key);
  });
});

describe("a plain host", () => {
  test("is the default of config.json", () => {
    expect(targetFromConfig(completeConfig({}).target)).toEqual({ kind: "plain" });
  });

  test("gets the same image as before", async () => {
    expect(await platformOf("plain").image({ kind: "plain" }, targetImageContext)).toMatchObject({
      firstLayers: [],
      lastLayers: [],
      workingDir: "/",
      entrypoint: ["/usr/local/bin/node", "/opt/nnunet-processor/processor/runtime/main.js"],
      command: [],
      env: {},
    });
  });
});

test("the registry is put before the default image name", () => {
  const target = completeTarget({ target: "sol", registry: "registry.example.org/group/" });
  expect(imageNameFromConfig(target, null)).toBe(
    "registry.example.org/group/nnunet/processor-task{task_id}-{task_name}:{timestamp}",
  );
  expect(imageNameFromConfig(target, "own:1")).toBe("own:1");
  expect(archiveNameFromConfig(target, "own:1")).toBeNull();
});
