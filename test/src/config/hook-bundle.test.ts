import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { bundleHook } from "../../../src/config/hook-bundle.js";

const folder = mkdtempSync(join(tmpdir(), "hook-bundle-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("a missing hook module is named as missing", async () => {
  const file = join(folder, "nope.ts");
  await expect(bundleHook(file, `${file}.mjs`)).rejects.toMatchObject({
    code: "HOOK_INVALID",
    message: `${file} does not exist`,
  });
});

test("a FIFO is refused instead of waiting for its writer", async () => {
  const file = join(folder, "fifo.ts");
  execFileSync("mkfifo", [file]);
  await expect(bundleHook(file, `${file}.mjs`)).rejects.toMatchObject({
    code: "HOOK_INVALID",
    message: `${file}: it is not a regular file`,
  });
});

test("a Python module is refused with the languages that hooks may have", async () => {
  const file = join(folder, "process_img.py");
  writeFileSync(file, "def process(image):\n    return image\n");
  await expect(bundleHook(file, `${file}.mjs`)).rejects.toMatchObject({
    code: "HOOK_INVALID",
    message: `${file} is a Python file; a hook module is TypeScript or JavaScript`,
  });
});
