import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { main } from "../../../src/cli/main.js";
import { testTerminal } from "../../support/programs/test-terminal.js";

test("an image for any model can be for GPUs, and its build context holds no model", async () => {
  const folder = mkdtempSync(join(tmpdir(), "context-"));
  try {
    const terminal = testTerminal(folder);
    const words = "--no-model --tag any:1 --device cuda --context-only --build-dir context";
    expect(await main(words.split(" "), terminal)).toBe(0);
    const context = join(folder, "context");
    const names = readdirSync(context).filter((name) => /^[a-z]+$/i.test(name));
    expect(names.sort()).toEqual(expect.arrayContaining(["Dockerfile", "converter", "dicom", "processor"]));
    expect(readFileSync(join(context, "Dockerfile"), "utf8")).toMatch(/^FROM nnunet-processor-base:cuda13-/m);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
