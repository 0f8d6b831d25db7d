import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { main } from "../../../src/cli/main.js";
import { buildZip } from "../../support/archive/zip-builder.js";
import { goldenPath } from "../../support/golden.js";
import { FileServer, file } from "../../support/network/file-server.js";
import { testTerminal } from "../../support/programs/test-terminal.js";

let folder = "";
let server: FileServer;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "lock-place-"));
  mkdirSync(join(folder, "liver"));
  server = await FileServer.start();
  const model = goldenPath("v2", "blobs_2d", "model");
  const parts = ["plans.json", "dataset.json", "fold_0/checkpoint_final.pth"].map((name) => ({
    name: `Dataset501_Blobs/nnUNetTrainer__nnUNetPlans__2d/${name}`,
    data: readFileSync(join(model, name)),
  }));
  server.on("/model.zip", file(buildZip(parts)));
});

afterEach(async () => {
  await server.stop();
  rmSync(folder, { recursive: true });
});

const run = (...argv: readonly string[]) => {
  const terminal = testTerminal(folder, { XDG_CACHE_HOME: join(folder, "cache") });
  const address = server.url("/model.zip").href;
  return main([...argv, ...(argv[0] === "inspect" ? [address] : ["--model-dir", address])], terminal);
};

describe("processor.lock.json is", () => {
  test("next to the config.json of a build", async () => {
    writeFileSync(join(folder, "liver", "own.json"), "{}");
    expect(await run("--config-file", "liver/own.json", "--context-only")).toBe(0);
    expect(readdirSync(join(folder, "liver")).sort()).toEqual(["own.json", "processor.lock.json"]);
    expect(readdirSync(folder)).not.toContain("processor.lock.json");
  });

  test("next to the config.json that init writes", async () => {
    expect(await run("init", "--output", "liver/config.json")).toBe(0);
    expect(readdirSync(join(folder, "liver")).sort()).toEqual([
      "config.json",
      "config.schema.json",
      "processor.lock.json",
    ]);
  });

  test("in the current folder if there is no config.json", async () => {
    expect(await run("inspect")).toBe(0);
    expect(readdirSync(folder)).toContain("processor.lock.json");
  });
});
