import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import { describeModel } from "../../../src/checkpoint/nnunet-formats.js";
import { findMonaiBundle } from "../../../src/models/find-monai-bundle.js";
import { anyModel } from "../../../src/models/model-query.js";
import { goldenPath } from "../../support/golden.js";

type Config = Record<string, unknown>;
type Part = Record<string, unknown> & { readonly _target_: string };

/** Describes the golden bundle for the spleen after its configuration was changed. */
async function described(change: (config: Config, folder: string) => void) {
  const folder = mkdtempSync(join(tmpdir(), "bundle-"));
  try {
    cpSync(goldenPath("monai", "spleen_unet", "bundle"), folder, { recursive: true });
    const file = join(folder, "configs", "inference.json");
    const config = JSON.parse(readFileSync(file, "utf8")) as Config;
    writeFileSync(file, JSON.stringify(config));
    change(config, folder);
    writeFileSync(file, JSON.stringify(config));
    if (config["asYaml"] === true) {
      rmSync(file);
      writeFileSync(join(folder, "configs", "inference.yaml"), stringify(config));
    }
    const model = await findMonaiBundle(folder, anyModel);
    return await describeModel(model!);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const transforms = (config: Config, key: string): Part[] =>
  (config[key] as { readonly transforms: Part[] }).transforms;

const network = (config: Config): Part => config["network_def"] as Part;

test.each([
  [
    "a network that is not built in",
    (config: Config) => Object.assign(network(config), { _target_: "monai.networks.nets.SegResNet" }),
    "the network SegResNet is not built in; UNet and DynUNet are",
  ],
  [
    "a transform that is not built in",
    (config: Config) => transforms(config, "preprocessing").push({ _target_: "Resized", keys: "image" }),
    "preprocessing.transforms[6]: the transform Resized is not built in",
  ],
  [
    "an argument that is not built in",
    (config: Config) => Object.assign(transforms(config, "preprocessing")[3]!, { scale_extent: true }),
    "Spacingd with scale_extent is not built in",
  ],
  [
    "an argument that is not known",
    (config: Config) => Object.assign(transforms(config, "preprocessing")[4]!, { gamma: 2 }),
    "ScaleIntensityRanged has the argument gamma (2), which is not built in",
  ],
  [
    "an inferer that is not built in",
    (config: Config) => Object.assign(config, { inferer: { _target_: "SimpleInferer" } }),
    "the inferer SimpleInferer is not built in",
  ],
  [
    "windows of an image's own size",
    (config: Config) => Object.assign(config["inferer"] as Part, { roi_size: [96, 96, -1] }),
    "windows of an image's own size are not built in",
  ],
  [
    "an answer that stays on the network's grid",
    (config: Config) => transforms(config, "postprocessing").splice(1, 1),
    "Invert is missing",
  ],
  [
    "probabilities as the answer",
    (config: Config) => transforms(config, "postprocessing").splice(2, 1),
    "nothing makes labels of the network's output",
  ],
  [
    "an orientation after the resampling",
    (config: Config) => {
      const list = transforms(config, "preprocessing");
      list.push(list.splice(2, 1)[0]!);
    },
    "Orientationd after a transform that resamples or crops is not built in",
  ],
])("a bundle with %s is refused by name", async (_, change, message) => {
  await expect(described(change)).rejects.toMatchObject({
    code: "BUNDLE_UNSUPPORTED",
    message: expect.stringContaining(message),
  });
});

test("an expression is not run, and its text is in the message", async () => {
  const change = (config: Config) =>
    Object.assign(network(config), { channels: "$__import__('os').system('true')" });
  await expect(described(change)).rejects.toMatchObject({
    code: "MODEL_FILE_INVALID",
    message: expect.stringContaining("which is not run"),
  });
});

test.each([
  ["themselves", { a: "@a" }],
  ["each other", { a: ["@b", "@b"], b: ["@a", "@a"] }],
])("references to %s end with an error", async (_, keys) => {
  const change = (config: Config) => Object.assign(config, keys, { inferer: "@a" });
  await expect(described(change)).rejects.toMatchObject({ code: "MODEL_FILE_INVALID" });
});

test("literals, references and YAML say the same as plain JSON", async () => {
  const plain = await described(() => {});
  const other = await described((config) => {
    config["size"] = "$(24, 24, 24)";
    config["windows"] = { ...(config["inferer"] as Part), roi_size: "@size" };
    config["inferer"] = "$@windows";
    config["preprocessing"] = {
      _target_: "monai.transforms.Compose",
      transforms: [
        ...transforms(config, "preprocessing"),
        { _target_: "Flipd", keys: "image", _disabled_: "$True" },
      ],
    };
    config["asYaml"] = true;
  });
  expect(other).toEqual(plain);
});

test("a configuration that is longer than any bundle has is refused before it is read", async () => {
  const change = (config: Config) => {
    config["comment"] = "x".repeat(1 << 20);
  };
  await expect(described(change)).rejects.toMatchObject({
    code: "MODEL_FILE_INVALID",
    message: expect.stringContaining("longer than"),
  });
});

test("a bundle without weights says where they should be", async () => {
  const change = (_: Config, folder: string) => rmSync(join(folder, "models"), { recursive: true });
  await expect(described(change)).rejects.toMatchObject({
    code: "MODEL_NOT_FOUND",
    message: expect.stringContaining("models/model.pt"),
  });
});

test("labels that would be interpolated are taken from the nearest voxel, which a note says", async () => {
  const { notes, plan } = await described((config) => {
    const list = transforms(config, "postprocessing");
    list.splice(1, 2, list[2]!, list[1]!);
  });
  expect(plan.monai?.labelsOn).toBe("network");
  expect(notes).toEqual([expect.stringContaining("the nearest label is taken")]);
});
