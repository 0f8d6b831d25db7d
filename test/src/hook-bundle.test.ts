import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { bundleHook } from "../../src/hook-bundle.js";

const folder = mkdtempSync(join(tmpdir(), "hook-bundle-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("a missing hook module is named as missing", async () => {
  const file = join(folder, "nope.ts");
  await expect(bundleHook(file, `${file}.mjs`)).rejects.toMatchObject({
    code: "HOOK_INVALID",
    message: `${file} does not exist`,
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
