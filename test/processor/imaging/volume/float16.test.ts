import { expect, test } from "vitest";
import { floatToHalf, halfFloatTable } from "../../../../processor/imaging/volume/float16.js";

test.each([
  ["zero", 0x0000, 0],
  ["the smallest", 0x0001, 2 ** -24],
  ["the largest subnormal number", 0x03ff, 1023 * 2 ** -24],
  ["the smallest normal number", 0x0400, 2 ** -14],
  ["one", 0x3c00, 1],
  ["a third", 0x3555, 0.333251953125],
  ["minus two", 0xc000, -2],
  ["the largest", 0x7bff, 65504],
  ["infinity", 0x7c00, Number.POSITIVE_INFINITY],
  ["minus infinity", 0xfc00, Number.NEGATIVE_INFINITY],
  ["NaN", 0x7e00, Number.NaN],
])("float16 bits of %s (IEEE 754 binary16)", (_, bits, value) => {
  expect(halfFloatTable()[bits]).toBe(value);
});

const values = halfFloatTable();
const infinity = 0x7c00;

test("every float16, positive or negative, keeps its bits", () => {
  for (let bits = 0; bits < infinity; bits++) {
    expect(floatToHalf(values[bits]!)).toBe(bits);
    if (bits > 0) expect(floatToHalf(-values[bits]!)).toBe(bits | 0x8000);
  }
});

test("a number between two float16 values is rounded to the nearer one, and a tie to the even one", () => {
  for (let bits = 0; bits + 1 < infinity; bits++) {
    const [lower, upper] = [values[bits]!, values[bits + 1]!];
    expect(floatToHalf(lower + 0.25 * (upper - lower))).toBe(bits);
    expect(floatToHalf((lower + upper) / 2)).toBe(bits % 2 === 0 ? bits : bits + 1);
    expect(floatToHalf(lower + 0.75 * (upper - lower))).toBe(bits + 1);
  }
});

test("a number beyond the largest float16 becomes infinite", () => {
  expect(floatToHalf(65519)).toBe(infinity - 1);
  expect(floatToHalf(65520)).toBe(infinity);
  expect(floatToHalf(1e9)).toBe(infinity);
});
