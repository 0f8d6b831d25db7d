import { describe, expect, test } from "vitest";
import { decodeRle } from "../../../../processor/imaging/dicom/pixels/decode-rle.js";
import { checkCodestream, type PixelShape } from "../../../../processor/imaging/dicom/pixels/pixel-shape.js";
import { storedToValues } from "../../../../processor/imaging/dicom/pixels/stored-to-values.js";
import { fitsInt16, type ValueRule } from "../../../../processor/imaging/dicom/pixels/value-rule.js";

describe("stored values become", () => {
  const rule: ValueRule = {
    bitsStored: 12,
    highBit: 11,
    isSigned: false,
    isInverted: false,
    slope: 1,
    intercept: 0,
  };
  const valuesOf = (stored: readonly number[], change: Partial<ValueRule>): readonly number[] => {
    const values = new Float32Array(stored.length);
    storedToValues(Uint16Array.from(stored), values, { ...rule, ...change });
    return [...values];
  };

  test.each<readonly [string, Partial<ValueRule>, readonly number[], readonly number[]]>([
    ["without the bits above them", {}, [0xf001, 0x0fff], [1, 4095]],
    ["with the sign of their highest bit", { isSigned: true }, [0x0fff, 0x0800, 0x07ff], [-1, -2048, 2047]],
    ["from the bits that HighBit names", { highBit: 15 }, [0xfff0, 0x0010], [4095, 1]],
    ["rescaled", { slope: 0.5, intercept: -1024 }, [0, 2048], [-1024, 0]],
    ["inverted before they are rescaled", { isInverted: true, slope: 2, intercept: 1 }, [0, 4095], [8191, 1]],
    [
      "with all 16 bits, also at the end of a row that is not a multiple of four",
      { bitsStored: 16, highBit: 15, isSigned: true, intercept: 1 },
      [0xffff, 0x8000, 0x7fff, 0, 2],
      [0, -32767, 32768, 1, 3],
    ],
  ])("%s", (_, change, stored, values) => {
    expect(valuesOf(stored, change)).toEqual(values);
  });

  test.each<Partial<ValueRule>>([
    { bitsStored: 16, highBit: 15, isSigned: true, intercept: -1024 },
    { bitsStored: 16, highBit: 15, slope: 2, intercept: -70000 },
    { bitsStored: 10, highBit: 12, isSigned: true, slope: -3 },
    { bitsStored: 12, highBit: 11, isInverted: true },
    { bitsStored: 16, highBit: 15, slope: 0.1, intercept: 0.7 },
    { bitsStored: 16, highBit: 15, slope: 300, intercept: 1 },
  ])("what double precision gives, many at a time as well as one by one: %j", (change) => {
    const stored = Array.from({ length: 70_001 }, (_, i) => (i * 40_503) & 0xffff);
    const oneByOne = stored.map((sample) => {
      const values = new Float32Array(1);
      storedToValues(Uint32Array.of(sample), values, { ...rule, ...change });
      return values[0]!;
    });
    expect(valuesOf(stored, change)).toEqual(oneByOne);
  });

  test.each<Partial<ValueRule>>([
    { intercept: -1024 },
    { isSigned: true, slope: -7, intercept: 300 },
    { bitsStored: 16, highBit: 15, isSigned: true },
    { bitsStored: 10, highBit: 14, isInverted: true, slope: 20, intercept: -8000 },
  ])("the same values of 16 bits: %j", (change) => {
    const stored = Array.from({ length: 70_001 }, (_, i) => (i * 40_503) & 0xffff);
    const values = new Int16Array(stored.length);
    storedToValues(Uint16Array.from(stored), values, { ...rule, ...change });
    expect([...values]).toEqual(valuesOf(stored, change));
  });

  test.each<readonly [string, Partial<ValueRule>, boolean]>([
    ["12 bits of a CT", { intercept: -1024 }, true],
    ["16 signed bits", { bitsStored: 16, highBit: 15, isSigned: true }, true],
    ["16 signed bits, moved", { bitsStored: 16, highBit: 15, isSigned: true, intercept: 1 }, false],
    ["16 unsigned bits", { bitsStored: 16, highBit: 15 }, false],
    ["inverted bits", { isInverted: true, slope: 8 }, true],
    ["a slope that is no whole number", { slope: 0.5 }, false],
    ["an intercept that is no whole number", { intercept: 0.5 }, false],
  ])("whole numbers of 16 bits or not: %s", (_, change, fits) => {
    expect(fitsInt16({ ...rule, ...change })).toBe(fits);
  });
});

const shape: PixelShape = {
  rows: 2,
  columns: 3,
  bitsAllocated: 16,
  bitsStored: 12,
  highBit: 11,
  isSigned: false,
};

describe("run-length encoding", () => {
  /** A fragment with these segments. */
  const fragment = (...segments: readonly (readonly number[])[]): Uint8Array => {
    const header = Buffer.alloc(64);
    header.writeUInt32LE(segments.length, 0);
    let at = 64;
    for (const [i, segment] of segments.entries()) {
      header.writeUInt32LE(at, 4 + 4 * i);
      at += segment.length;
    }
    return Buffer.concat([header, ...segments.map((segment) => Buffer.from(segment))]);
  };

  test("has one segment for each byte of a pixel, the upper one first", () => {
    const upper = [256 - 5, 1];
    const lower = [5, 10, 11, 12, 13, 14, 15];
    expect([...decodeRle(fragment(upper, lower), shape)]).toEqual([10, 1, 11, 1, 12, 1, 13, 1, 14, 1, 15, 1]);
  });

  test("may have a pad byte and a byte that does nothing", () => {
    const bytes = decodeRle(fragment([128, 256 - 5, 0, 0], [256 - 5, 7, 128]), shape);
    expect([...bytes].filter((byte) => byte === 7)).toHaveLength(6);
  });

  test.each([
    [
      "too few pixels",
      [
        [256 - 4, 1],
        [256 - 5, 1],
      ],
    ],
    [
      "too many pixels",
      [
        [256 - 6, 1],
        [256 - 5, 1],
      ],
    ],
    [
      "another run after the last pixel",
      [
        [256 - 5, 1, 3, 1, 2, 3, 4],
        [256 - 5, 1],
      ],
    ],
    [
      "a run that is cut off",
      [
        [256 - 5, 1],
        [5, 1, 2],
      ],
    ],
    [
      "a segment too many",
      [
        [256 - 5, 1],
        [256 - 5, 1],
        [256 - 5, 1],
      ],
    ],
  ])("is refused with %s", (_, segments) => {
    expect(() => decodeRle(fragment(...segments), shape)).toThrow();
  });
});

describe("a compressed stream is refused", () => {
  test.each([
    ["of another size", { rows: 3 }],
    ["of several components", { components: 3 }],
    ["of more bits than are allocated", { precision: 17 }],
  ])("%s", (_, change) => {
    const stream = { rows: 2, columns: 3, precision: 12, components: 1 };
    expect(() => checkCodestream(stream, shape)).not.toThrow();
    expect(() => checkCodestream({ ...stream, ...change }, shape)).toThrow();
  });

  test("with fewer bits than a signed value needs for its sign", () => {
    const stream = { rows: 2, columns: 3, precision: 10, components: 1 };
    expect(() => checkCodestream(stream, { ...shape, isSigned: true })).toThrow();
  });
});
