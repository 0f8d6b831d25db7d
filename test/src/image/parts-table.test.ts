import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { listCodecFiles } from "../../../src/image/codec-files.js";
import type { LayerFile } from "../../../src/image/image-plan.js";
import { listPageFiles } from "../../../src/image/page-files.js";
import { listProcessorFiles } from "../../../src/image/processor-files.js";
import { listServiceFiles } from "../../../src/image/service-files.js";
import { readPartsTable } from "../../support/parts-table.js";

const table = readPartsTable();

/** Returns the bytes of the files as they are and compressed, in MB. */
function sizeOf(files: readonly LayerFile[]) {
  const contents = files.map(({ source }) => {
    if ("file" in source) return readFileSync(source.file);
    return Buffer.from("text" in source ? source.text : "");
  });
  const all = Buffer.concat(contents);
  return { compressed: gzipSync(all).length / 1e6, unpacked: all.length / 1e6 };
}

test.each([
  ["dicom", listCodecFiles],
  ["service", listServiceFiles],
  ["page", listPageFiles],
  ["processor", listProcessorFiles],
] as const)(
  "the part %s of an image is not larger than the table in docs/reference/performance.md says",
  async (part, list) => {
    const size = sizeOf(await list());
    const row = table.get(part)!;
    // The table has one decimal.
    expect(size.compressed).toBeLessThanOrEqual(row.compressed + 0.1);
    expect(size.unpacked).toBeLessThanOrEqual(row.unpacked + 0.2);
  },
);

test("the table's parts stay within their budgets", () => {
  const sum = (...parts: readonly string[]) =>
    parts.reduce((total, part) => total + table.get(part)!.compressed, 0);
  expect(sum("debian", "node", "libraries", "processor")).toBeLessThanOrEqual(72);
  expect(sum("openvino")).toBeLessThanOrEqual(29);
  expect(sum("dicom")).toBeLessThanOrEqual(10);
  expect(sum("service", "page")).toBeLessThanOrEqual(12);
  expect(sum(...table.keys())).toBeLessThanOrEqual(100);
  const unpacked = [...table.values()].reduce((total, row) => total + row.unpacked, 0);
  expect(unpacked).toBeLessThanOrEqual(330);
});
