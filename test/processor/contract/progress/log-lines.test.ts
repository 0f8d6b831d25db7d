import { describe, expect, test } from "vitest";
import { cleanLine, cleanLines, logLines } from "../../../../processor/contract/progress/log-lines.js";

describe("a line for a log", () => {
  test.each([
    ["a newline and a colour", "b\n\u001b[31mx.nii.gz", "b\\x0a\\x1b[31mx.nii.gz"],
    ["a carriage return", "a\rb", "a\\x0db"],
    ["a control character of eight bits", "a\u009b31mb", "a\\x9b31mb"],
    ["a turned direction of writing", "a\u202egz.ii", "a\\u202egz.ii"],
    ["a line separator", "a\u2028b", "a\\u2028b"],
    ["a tab and other writing", "a\tß 肝 🫁", "a\tß 肝 🫁"],
  ])("shows %s", (_, line, shown) => expect(cleanLine(line)).toBe(shown));

  test("keeps the lines of a text", () => expect(cleanLines("a\u0007\nb\n")).toBe("a\\x07\nb\n"));

  test("has no control characters left after it was split", () => {
    expect(logLines("a\u001b[2J\nb\r\nc")).toEqual(["a\\x1b[2J", "b", "c"]);
  });
});
