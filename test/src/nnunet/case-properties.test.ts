import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { geometryOfProperties } from "../../../src/nnunet/selection/case-properties.js";
import { readSoftmaxProperties } from "../../../src/nnunet/selection/v1/softmax-properties.js";
import { PickleWriter } from "../../support/model/pickle-writer.js";

const folder = mkdtempSync(join(tmpdir(), "properties-"));
afterAll(() => rmSync(folder, { recursive: true }));

type Numbers = readonly number[];

function numbers(writer: PickleWriter, values: Numbers): void {
  writer.raw("](");
  for (const value of values) {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleBE(value);
    writer.raw("G").bytes(bytes);
  }
  writer.raw("e");
}

function dictionary(writer: PickleWriter, entries: Readonly<Record<string, Numbers>>): void {
  writer.raw("}(");
  for (const [key, values] of Object.entries(entries)) numbers(writer.string(key), values);
  writer.raw("u");
}

function written(bytes: Uint8Array): string {
  const file = join(folder, "case.pkl");
  writeFileSync(file, bytes);
  return file;
}

const identity = [1, 0, 0, 0, 1, 0, 0, 0, 1];
const wrong: readonly (readonly [string, Numbers, Numbers])[] = [
  ["a spacing of 0", [1, 0, 1], [0, 0, 0]],
  ["a negative spacing", [1, -1, 1], [0, 0, 0]],
  ["a spacing that is not a number", [1, Number.NaN, 1], [0, 0, 0]],
  ["an infinite origin", [1, 1, 1], [0, Number.POSITIVE_INFINITY, 0]],
];

test.each(wrong)("properties of a case of v2 with %s are refused", async (_, spacing, origin) => {
  const writer = new PickleWriter().raw("}(").string("sitk_stuff");
  dictionary(writer, { spacing, origin, direction: identity });
  const file = written(writer.raw("u").finish());
  await expect(geometryOfProperties(file, [2, 3, 4])).rejects.toMatchObject({
    code: "PROBABILITIES_INVALID",
  });
});

test.each([...wrong, ["a size that no memory can hold", [1, 1, 1], [0, 0, 0]] as const])(
  "properties of a case of v1 with %s are refused",
  async (what, itk_spacing, itk_origin) => {
    const writer = new PickleWriter();
    dictionary(writer, {
      original_size_of_raw_data: what.startsWith("a size") ? [1e6, 1e6, 1e6] : [2, 3, 4],
      ...{ itk_spacing, itk_origin, itk_direction: identity, size_after_cropping: [2, 3, 4] },
    });
    await expect(readSoftmaxProperties(written(writer.finish()))).rejects.toMatchObject({
      code: "PROBABILITIES_INVALID",
    });
  },
);
