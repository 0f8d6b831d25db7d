import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { findModelFolders } from "../../../src/models/find-model-folders.js";

test.each([
  ["DynUNet", "configs/inference.json", { network_def: { spatial_dims: 3, _target_: "DynUNet" } }],
  ["SegResNet", "inference.json", { network_def: { _target_: "monai.networks.nets.SegResNet" } }],
])("a bundle of MONAI is refused with the name of its network, %s", async (name, place, content) => {
  const folder = mkdtempSync(join(tmpdir(), "bundle-"));
  try {
    mkdirSync(join(folder, place, ".."), { recursive: true });
    writeFileSync(join(folder, place), JSON.stringify(content, null, 2));
    await expect(findModelFolders(folder)).rejects.toMatchObject({
      code: "MODEL_NOT_FOUND",
      message: expect.stringContaining(`a bundle of MONAI with the network ${name}, which is not converted`),
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
