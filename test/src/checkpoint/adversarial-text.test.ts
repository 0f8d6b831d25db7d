import { performance } from "node:perf_hooks";
import { describe, expect, test } from "vitest";
import { parseJson } from "../../../src/checkpoint/parse-json.js";
import { floatOf, integerOf } from "../../../src/checkpoint/pickle/number-text.js";
import { printable, quotedString, rawUnicode } from "../../../src/checkpoint/pickle/pickle-text.js";
import { readPickle } from "../../../src/checkpoint/pickle/read-pickle.js";
import { parsePythonDict } from "../../../src/checkpoint/post-processing/python-literal.js";
import { shortText } from "../../../src/checkpoint/short-text.js";
import { adversarialTexts } from "../../support/adversarial-texts.js";

/** A reader of text, which may refuse it. */
type Reader = (text: string) => unknown;

const readers: Readonly<Record<string, Reader>> = {
  "JSON of nnU-Net": parseJson,
  "a post-processing's sizes": (text) => parsePythonDict(text, "x"),
  "a text of protocol 0": rawUnicode,
  "a text of Python 2": quotedString,
  "an integer of protocol 0": integerOf,
  "a float of protocol 0": floatOf,
  "a name of a pickle": (text) =>
    readPickle(Buffer.from(`\x80\x02c${text.replaceAll("\n", "")}\nx\n.`, "latin1"), {
      source: "x",
      globals: new Map(),
    }),
  "a name for a terminal": printable,
  "a value in a message": shortText,
};

describe("every reader of a model's texts takes time in proportion to the length:", () => {
  test.each(Object.entries(readers))("%s", (_, read) => {
    for (const [name, text] of adversarialTexts(1_000_000)) {
      const start = performance.now();
      try {
        read(text);
      } catch (error) {
        expect(error, name).toBeInstanceOf(Error);
        expect(error, name).not.toBeInstanceOf(RangeError);
      }
      expect(performance.now() - start, name).toBeLessThan(2000);
    }
  });
});
