import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  freeFilePages,
  readOnlyMappings,
} from "../../../../../processor/runtime/inference/engines/free-file-pages.js";

test("mappings that may be written are left alone, and paths may have blanks", () => {
  const maps = [
    "7f00-7f02 r--s 00000000 fe:00 11232273                   /models/a b/fold_0.weights",
    "7f02-7f04 rw-s 00000000 fe:00 11232274                   /models/a b/fold_1.weights",
    "7f04-7f06 r--p 00000000 00:00 0 ",
    "",
  ].join("\n");
  expect(readOnlyMappings(maps)).toEqual([{ start: 0x7f00n, length: 2, path: "/models/a b/fold_0.weights" }]);
});

test("a folder without mapped files is not touched", () => {
  const folder = mkdtempSync(join(tmpdir(), "free-pages-"));
  try {
    const file = join(folder, "fold_0.onnx");
    writeFileSync(file, "graph");
    freeFilePages(file);
    expect(readFileSync(file, "utf8")).toBe("graph");
  } finally {
    rmSync(folder, { recursive: true });
  }
});
