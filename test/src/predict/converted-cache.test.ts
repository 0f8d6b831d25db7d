import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { silentProgress } from "../../../processor/contract/progress/progress.js";
import { cachedConversion, cachePlace } from "../../../src/predict/converted-cache.js";
import { goldenPath } from "../../support/golden.js";
import { modelIn } from "../../support/model/model-in.js";
import { singleModel } from "../../support/model/single-model.js";
import { neverStopped } from "../../support/never-stopped.js";

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "converted-cache-"));
});

afterEach(() => rmSync(folder, { recursive: true }));

const work = { progress: silentProgress, signal: neverStopped() };
const convert = async (modelDir: string): Promise<string> =>
  cachedConversion(singleModel(await modelIn(modelDir)), join(folder, "cache"), work);

describe("a model is converted once", () => {
  test("and again when its checkpoint has changed", async () => {
    const model = join(folder, "model");
    cpSync(goldenPath("v2", "blobs_2d", "model"), model, { recursive: true });
    const first = await convert(model);
    const made = statSync(join(first, "manifest.json")).mtimeMs;
    expect(await convert(model)).toBe(first);
    expect(statSync(join(first, "manifest.json")).mtimeMs).toBe(made);
    utimesSync(join(model, "fold_0", "checkpoint_final.pth"), 1, 1);
    expect(await convert(model)).not.toBe(first);
  });

  test("even if two containers begin at the same time", async () => {
    const model = goldenPath("v2", "blobs_2d", "model");
    const [one, other] = await Promise.all([convert(model), convert(model)]);
    expect(one).toBe(other);
    expect(readdirSync(join(folder, "cache"))).toEqual([one.split("/").at(-1)]);
    expect(existsSync(join(one, "manifest.json"))).toBe(true);
  });
});

describe("the place of converted models", () => {
  test("is the folder that NNUNET_CACHE_DIR names", async () => {
    const named = join(folder, "named");
    expect(await cachePlace({ NNUNET_CACHE_DIR: named }, folder)).toEqual({
      folder: named,
      isTemporary: false,
    });
  });

  test("must be a folder that can be written if it is named", async () => {
    mkdirSync(join(folder, "out"));
    const attempt = cachePlace({ NNUNET_CACHE_DIR: "/proc/nowhere" }, join(folder, "out"));
    await expect(attempt).rejects.toThrow("NNUNET_CACHE_DIR names /proc/nowhere, which cannot be written");
  });
});
