import { expect, test } from "vitest";
import { listOfPickles } from "../../../../src/checkpoint/pickle/join-pickles.js";
import { readPickle } from "../../../../src/checkpoint/pickle/read-pickle.js";

const source = "test.pkl";
const joined = (...pickles: Uint8Array[]): unknown =>
  readPickle(listOfPickles(pickles.map((bytes) => ({ source, bytes }))), { source, globals: new Map() })
    .value;
const bytes = (...parts: (string | number)[]): Uint8Array =>
  Buffer.concat(
    parts.map((part) => (typeof part === "string" ? Buffer.from(part, "latin1") : Buffer.of(part))),
  );

/** `("a", "a")`, whose second item is read from the memo, which `put` fills and `get` reads. */
const twice = (put: string, get: string): Uint8Array => bytes("\x80\x02", "U\x01a", put, get, "\x86.");

// Each of them is what `pickle.loads` of Python 3.13 reads as ("a", "a").
test.each([
  ["one byte", "q\x07", "h\x07"],
  ["four bytes, the highest", "r\xff\xff\xff\xff", "j\xff\xff\xff\xff"],
  ["text", "p7\n", "g7\n"],
  ["text that four bytes cannot hold", "p4981311211\n", "g4981311211\n"],
  ["the order of the memo", "\x94", "h\x00"],
  ["a number given twice", "q\x01q\x01", "h\x01"],
  ["the order of the memo after a number given twice", "q\x00q\x00\x94", "h\x01"],
])("pickles that number their objects by %s are joined", (_name, put, get) => {
  const pickle = twice(put, get);
  expect(joined(pickle, pickle, pickle)).toEqual([
    ["a", "a"],
    ["a", "a"],
    ["a", "a"],
  ]);
});

test.each([
  [
    "an object that no number stands for",
    twice("q\x01", "h\x02"),
    "it refers to object 2, which it does not hold",
  ],
  ["an object of the pickle before", twice("", "h\x00"), "it refers to object 0, which it does not hold"],
  ["a number below 0", twice("p-1\n", "g-1\n"), "has no number from 0"],
  ["a number that is text", twice("px\n", "gx\n"), "has no number from 0"],
])("a pickle that refers to %s is refused", (_name, pickle, message) => {
  expect(() => joined(twice("q\x00", "h\x00"), pickle)).toThrow(message);
});
