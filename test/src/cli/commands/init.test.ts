import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, relative } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { main } from "../../../../src/cli/main.js";
import { loadConfig } from "../../../../src/config/load-config.js";
import { goldenPath, repositoryRoot } from "../../../support/golden.js";
import { withEditedModel } from "../../../support/model/edited-model.js";
import { type TestTerminal, testTerminal } from "../../../support/programs/test-terminal.js";

let folder = "";
let terminal: TestTerminal;
const blobs = goldenPath("v2", "blobs_2d", "model");
const resenc = goldenPath("v2", "mr_regions_resenc_3d", "model");

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "init-"));
  terminal = testTerminal(folder, { npm_command: "run" });
});
afterEach(() => rmSync(folder, { recursive: true }));

const run = (...argv: readonly string[]): Promise<number> => main(argv, terminal);
const written = (name = "config.json") =>
  JSON.parse(readFileSync(join(folder, name), "utf8")) as Record<string, unknown>;

describe("init", () => {
  test("makes the folder of its file", async () => {
    expect(
      await run("init", "--model-dir", resenc, "-o", "images/liver/config.json"),
      terminal.printed.err,
    ).toBe(0);
    expect(written("images/liver/config.json")).toMatchObject({ $schema: "./config.schema.json" });
  });

  test("writes a config with which the image gives the answer of nnU-Net's defaults", async () => {
    expect(await run("init", "--model-dir", resenc)).toBe(0);
    const config = await loadConfig(join(folder, "config.json"));
    expect(config).toMatchObject({
      ...{ taskId: 502, taskName: "MRRegions", configuration: "3d_fullres", folds: [] },
      settings: { useTestTimeAugmentation: true, stepSize: 0.5, inputChannels: { T1: "_0000" } },
    });
  });

  test("asks for the first stage of a cascade if it is not next to the model", async () => {
    const cascade = goldenPath("v2", "cascade_3d_cascade_fullres", "model");
    expect(await run("init", "--model-dir", cascade)).toBe(0);
    expect(terminal.printed.err).toContain('name the folder of 3d_lowres as "previous_stage"');
    await run("init", "--model-dir", resenc, "--overwrite");
    expect(terminal.printed.err.match(/previous_stage/g)).toHaveLength(1);
  });

  test("names the model, so that the build needs no --model-dir", async () => {
    await run("init", "--model-dir", resenc);
    expect(written()["model"]).toBe(resenc);
    const relativePath = relative(folder, resenc);
    await run("init", "--model-dir", relativePath, "-o", "relative.json");
    expect((await loadConfig(join(folder, "relative.json"))).modelSource).toBe(resenc);
  });

  test("names no channels if names cannot distinguish the files", async () => {
    await run("init", "--model-dir", goldenPath("v2", "photos_2d", "model"));
    expect(written()).not.toHaveProperty("input_channels");
    expect(written()).toMatchObject({ allowed_extensions: ["png"], output_extension: "png" });
  });

  test("writes the ending that predict would use", async () => {
    await run("init", "--model-dir", blobs);
    expect(written()).toMatchObject({
      allowed_extensions: ["nii.gz", "mha"],
      output_extension: "nii.gz",
    });
  });

  test("puts the schema next to the file, and refers to it so that both can be moved", async () => {
    await run("init", "--model-dir", blobs);
    expect(written()["$schema"]).toBe("./config.schema.json");
    renameSync(join(folder, "config.json"), join(folder, "other.json"));
    expect(existsSync(join(folder, String(written("other.json")["$schema"])))).toBe(true);
  });

  test("says which folds exist and which command comes next", async () => {
    mkdirSync(join(folder, "conf"));
    await run("init", "--model-dir", blobs, "-o", join("conf", "own.json"));
    expect(terminal.printed.out).toBe(`${join(folder, "conf", "own.json")}\n`);
    expect(terminal.printed.err).toContain("model: Dataset501_Blobs 2d, fold 0\n");
    expect(terminal.printed.err).toMatch(
      /^next: {2}.*build_processor --config-file conf\/own\.json --tag team\/blobs:1 --export$/m,
    );
  });

  test.each([
    {
      argv: ["--output-socket", "organ-segmentation"],
      keys: { target: "grand-challenge", grand_challenge: { output: "organ-segmentation" } },
    },
    {
      argv: ["--target", "amos22", "--team", "ourteam"],
      keys: { target: "amos22", amos22: { team: "ourteam" } },
    },
    { argv: ["--target", "sol"], keys: { target: "sol" } },
  ])("writes the keys that a platform needs: $argv", async ({ argv, keys }) => {
    expect(await run("init", "--model-dir", blobs, ...argv)).toBe(0);
    expect(written()).toMatchObject(keys);
    await loadConfig(join(folder, "config.json"));
  });

  test("shows what to add for grand-challenge if the model has several channels", async () => {
    const modelDir = join(repositoryRoot, "test", "fixtures", "networks", "activation_elu");
    await run("init", "--model-dir", modelDir, "--output-socket", "lesions");
    expect(terminal.printed.err).toContain(
      'add "inputs": {"T1": "<slug>", "T2": "<slug>"} to "grand_challenge" in the file\n',
    );
  });

  test.each([
    { argv: ["--target", "grand-challenge"], says: "--target grand-challenge needs --output-socket" },
    { argv: ["--target", "amos22"], says: "--target amos22 needs --team" },
    {
      argv: ["--target", "sol", "--team", "us"],
      says: "--team needs --target amos22, but the target is sol",
    },
    { argv: ["--team", "us", "--output-socket", "x"], says: "--team needs --target amos22" },
    { argv: ["--team", "Our Team"], says: "/amos22/team" },
  ])("refuses without writing a file: $argv", async ({ argv, says }) => {
    expect(await run("init", "--model-dir", blobs, ...argv)).toBe(2);
    expect(terminal.printed.err).toContain(says);
    expect(existsSync(join(folder, "config.json"))).toBe(false);
  });

  test("does not change a file that exists", async () => {
    await run("init", "--model-dir", blobs);
    expect(await run("init", "--model-dir", blobs)).not.toBe(0);
    expect(terminal.printed.err).toContain("error OUTPUT_EXISTS");
  });
});

describe("a build refuses a config that no case could be segmented with", () => {
  const rgb = goldenPath("v2", "photos_2d", "model");

  test.each([
    {
      what: "channels of one name",
      model: rgb,
      config: { input_channels: { rgb_to_0_1: "_0002" } },
      says: "several channels called rgb_to_0_1",
    },
    {
      what: "a channel that is not told",
      model: resenc,
      config: { input_channels: { T1: "_t1", T3: "_t3" } },
      says: "no ending for the channel T2\ninput_channels: the model has no channel T3; its channels are T1, T2",
    },
    {
      what: "endings that are one",
      model: resenc,
      config: { input_channels: { T1: "1", T2: "_t1" } },
      says: "a file that ends in _t1 (T2) also ends in 1 (T1)",
    },
    {
      what: "volumes as pictures",
      model: resenc,
      config: { output_extension: "png" },
      says: "output_extension: png can hold one slice",
    },
  ])("$what", async ({ model, config, says }) => {
    writeFileSync(join(folder, "config.json"), JSON.stringify(config));
    expect(await run("--model-dir", model, "--tag", "t:1", "--context-only")).toBe(2);
    expect(terminal.printed.err).toContain("error CONFIG_INVALID");
    expect(terminal.printed.err).toContain(says);
  });
});

describe("the build's own flags", () => {
  interface Manifest {
    readonly settings: { readonly useTestTimeAugmentation: boolean; readonly stepSize: number };
    readonly models: readonly { readonly folds: readonly { readonly fold: string }[] }[];
  }
  const built = (): Manifest => {
    const context = readdirSync(join(folder, "build"), { recursive: true, encoding: "utf8" });
    const path = context.find((name) => basename(name) === "manifest.json")!;
    return JSON.parse(readFileSync(join(folder, "build", path), "utf8")) as Manifest;
  };

  test.each([
    { flags: ["--use-tta", "--step-size", "0.25", "-f", "1"], tta: true, step: 0.25, folds: ["1"] },
    {
      flags: ["--disable_tta", "-step_size", "1", "-c", "3d_fullres"],
      tta: false,
      step: 1,
      folds: ["0", "1"],
    },
  ])("override config.json: $flags", async ({ flags, tta, step, folds }) => {
    const model = goldenPath("v2", "blobs_3d_fullres", "model");
    expect(await run("--model-dir", model, "--tag", "t:1", "--context-only", "--json", ...flags)).toBe(0);
    const { settings, models } = built();
    expect(settings).toMatchObject({ useTestTimeAugmentation: tta, stepSize: step });
    expect(models[0]!.folds.map(({ fold }) => fold)).toEqual(folds);
  });

  test("can name a checkpoint that is not the final one", async () => {
    await withEditedModel("networks/plain_3d_thirds", {}, async (model) => {
      expect(
        await run("--model-dir", model, "--tag", "t:1", "--context-only", "-chk", "checkpoint_x.pth"),
      ).toBe(3);
      expect(terminal.printed.err).toContain("checkpoint_x.pth");
    });
  });
});

test("the build takes the task of --task from a folder with several, whatever config.json says", async () => {
  for (const name of ["Dataset501_Blobs", "Dataset502_MRRegions"]) {
    const golden = name === "Dataset501_Blobs" ? blobs : resenc;
    cpSync(golden, join(folder, "results", name, "nnUNetTrainer__nnUNetPlans__x"), { recursive: true });
  }
  writeFileSync(join(folder, "config.json"), JSON.stringify({ task_id: 501, task_name: "Blobs" }));
  const flags = ["--model-dir", "results", "--context-only", "--json", "--tag", "{task_name}:1"];
  expect(await run(...flags, "-d", "502"), terminal.printed.err).toBe(0);
  expect(JSON.parse(terminal.printed.out)).toMatchObject({ imageName: "mrregions:1" });
});
