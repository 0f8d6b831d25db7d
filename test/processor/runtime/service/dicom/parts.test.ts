import { describe, expect, test } from "vitest";
import { shiftedBits } from "../../../../../processor/runtime/service/dicom/web/frame-bits.js";
import { matchesWildcards } from "../../../../../processor/runtime/service/dicom/web/match-value.js";
import { relatedParts } from "../../../../../processor/runtime/service/dicom/web/related-parts.js";

describe("a multipart body is split into its parts, however its bytes arrive", () => {
  const body = Buffer.from(
    "preamble\r\n--b\r\nA: 1\r\nB:2\r\n\r\none\r\n-\r\n--b\r\n\r\n\r\n--b--\r\nepilogue",
  );
  const chunked = async function* (size: number): AsyncGenerator<Buffer> {
    for (let at = 0; at < body.length; at += size) yield body.subarray(at, at + size);
  };

  test.each([1, 2, 3, 7, 1000])("in chunks of %i bytes", async (size) => {
    const found: [string, string][] = [];
    for await (const { headers, content } of relatedParts(chunked(size), "b")) {
      const parts: Buffer[] = [];
      for await (const part of content) parts.push(part);
      found.push([[...headers].join(" "), Buffer.concat(parts).toString()]);
    }
    expect(found).toEqual([
      ["a,1 b,2", "one\r\n-"],
      ["", ""],
    ]);
  });
});

test.each([
  { text: "DOE^JANE", pattern: "DOE*", is: true },
  { text: "DOE^JANE", pattern: "*JAN?", is: true },
  { text: "DOE^JANE", pattern: "JANE", is: false },
  { text: "", pattern: "*", is: true },
  { text: "a*b", pattern: "a*b", is: true },
  { text: "a".repeat(2000), pattern: `${"a*".repeat(200)}b`, is: false },
])("$pattern matches $text: $is", ({ text, pattern, is }) => {
  expect(matchesWildcards(text, pattern)).toBe(is);
});

test("bits of a frame that begins within a byte are moved to its beginning", () => {
  // Pixels 3 to 12 of 1100 1011 0101 …, the lowest bit first.
  expect([...shiftedBits(Uint8Array.from([0b11010011, 0b00001010]), 3, 10)]).toEqual([0b01011010, 0b01]);
  expect([...shiftedBits(Uint8Array.from([0xff]), 0, 5)]).toEqual([0x1f]);
});
