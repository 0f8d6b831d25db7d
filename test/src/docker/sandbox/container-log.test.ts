import { describe, expect, test } from "vitest";
import { ContainerLogReader } from "../../../../src/docker/sandbox/container-log.js";

const logOf = (...parts: readonly (readonly ["stdout" | "stderr", string | Buffer])[]) => {
  const reader = new ContainerLogReader();
  for (const [stream, bytes] of parts) reader.take(stream, Buffer.from(bytes as string));
  return reader.finish();
};

describe("a container's log", () => {
  test("keeps the last line of stderr that is not empty, and the order of both streams", () => {
    const log = logOf(
      ["stdout", "one\n"],
      ["stderr", "two\n"],
      ["stdout", "three\n"],
      ["stderr", "four\n\n  \n"],
    );
    expect(log).toMatchObject({ lastErrorLine: "four", errorLines: 2, isUtf8: true });
    expect(log.lastLines).toEqual(["one", "two", "three", "four"]);
  });

  test("joins a line and a letter that arrived in pieces", () => {
    const bytes = Buffer.from("Übung\n");
    const log = logOf(
      ["stderr", bytes.subarray(0, 1)],
      ["stderr", bytes.subarray(1, 3)],
      ["stderr", bytes.subarray(3)],
    );
    expect(log).toMatchObject({ lastErrorLine: "Übung", isUtf8: true, longestLineBytes: 6 });
  });

  test("accepts a last line without an end", () => {
    expect(logOf(["stdout", "a\nbc"])).toMatchObject({ lastLines: ["a", "bc"], longestLineBytes: 2 });
  });

  test("detects invalid UTF-8, even if the line ends inside a letter", () => {
    expect(logOf(["stdout", Buffer.from([0x61, 0xff, 0x0a])]).isUtf8).toBe(false);
    expect(logOf(["stdout", Buffer.from([0x61, 0xc3, 0x0a, 0xa4, 0x0a])]).isUtf8).toBe(false);
  });

  test("counts a line of a megabyte without keeping it", () => {
    const log = logOf(...Array.from({ length: 1024 }, () => ["stdout", "x".repeat(1024)] as const));
    expect(log.longestLineBytes).toBe(1 << 20);
    expect(log.lastLines[0]!.length).toBeLessThan(10_000);
  });

  test("distinguishes a bar drawn with carriage returns from lines that end with CR LF", () => {
    expect(logOf(["stdout", "10 %\r20 %\r\n"]).hasCarriageReturns).toBe(true);
    expect(logOf(["stdout", "10 %\r\n20 %\r\n"]).hasCarriageReturns).toBe(false);
  });
});
