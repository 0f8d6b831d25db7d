import { expect, test } from "vitest";
import { halfFloatTable } from "../../../processor/volume/float16.js";

test.each([
  ["zero", 0x0000, 0],
  ["the smallest", 0x0001, 2 ** -24],
  ["the largest below the normal ones", 0x03ff, 1023 * 2 ** -24],
  ["the smallest normal one", 0x0400, 2 ** -14],
  ["one", 0x3c00, 1],
  ["a third", 0x3555, 0.333251953125],
  ["minus two", 0xc000, -2],
  ["the largest", 0x7bff, 65504],
  ["infinity", 0x7c00, Number.POSITIVE_INFINITY],
  ["minus infinity", 0xfc00, Number.NEGATIVE_INFINITY],
  ["no number", 0x7e00, Number.NaN],
])("float16 bits of %s (IEEE 754 binary16)", (_, bits, value) => {
  expect(halfFloatTable()[bits]).toBe(value);
});
