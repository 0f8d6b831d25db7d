import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { keepDeviceCode } from "../../../src/base-image/device-code.js";
import { elfSections } from "../../../src/base-image/elf-sections.js";
import { dropNeededLibraries } from "../../../src/base-image/needed-libraries.js";
import { libraryWith } from "../../support/images/cuda-library.js";

test("device code of one compute capability stays where it is, and that of the others is filled with zeros", () => {
  const library = libraryWith([
    [
      { architecture: 80, code: "code for 80" },
      { architecture: 90, code: "code for 90, longer" },
    ],
    [{ architecture: 90, code: "more for 90" }],
  ]);
  const pruned = Buffer.from(library);
  expect(keepDeviceCode(pruned, ["9.0"])).toEqual({ "8.0": 11, "9.0": 30 });
  expect(pruned.length).toBe(library.length);
  expect(pruned.includes("code for 80")).toBe(false);
  for (const kept of ["code for 90, longer", "more for 90"])
    expect(pruned.indexOf(kept)).toBe(library.indexOf(kept));
});

test("a compute capability without code is refused with those that have code", () => {
  const library = libraryWith([[{ architecture: 80, code: "code" }]]);
  expect(() => keepDeviceCode(library, ["9.0"])).toThrow("no code for 9.0; there is code for 8.0");
});

test("a file that is not a CUDA library is refused", () => {
  expect(() => keepDeviceCode(Buffer.from("#!/bin/sh\n".padEnd(100)), ["9.0"])).toThrow(
    "not a 64-bit ELF library",
  );
});

describe("a program that loads a library which it does not call", () => {
  const folder = mkdtempSync(join(tmpdir(), "needed-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  function answerOf(program: Buffer): { readonly stdout: string; readonly stderr: string } {
    const file = join(folder, "program");
    writeFileSync(file, program, { mode: 0o755 });
    return spawnSync(file, ["-p", "6 * 7"], { encoding: "utf8" });
  }

  test("runs without it, and still loads all others", () => {
    const program = readFileSync(process.execPath);
    addNeeded(program, "stdc++.so.6");
    expect(answerOf(program).stderr).toContain("stdc++.so.6: cannot open shared object file");
    dropNeededLibraries(program, ["stdc++.so.6"]);
    expect(answerOf(program).stdout).toBe("42\n");
  });

  test("cannot drop one that it calls, or one that it does not load", () => {
    const program = readFileSync(process.execPath);
    expect(() => dropNeededLibraries(program, ["libcurand.so.10"])).toThrow("does not load libcurand.so.10");
    expect(() => dropNeededLibraries(program, ["libc.so.6"])).toThrow("calls libc.so.6");
  });

  /** Names a library in the first free entry of the list, by the end of a text that is there. */
  function addNeeded(program: Buffer, name: string): void {
    const [list, texts] = [".dynamic", ".dynstr"].map(
      (wanted) => elfSections(program).find((one) => one.name === wanted)!,
    );
    let at = list!.offset;
    while (program.readBigUInt64LE(at) !== 0n) at += 16;
    expect(program.readBigUInt64LE(at + 16), "another entry ends the list").toBe(0n);
    program.writeBigUInt64LE(1n, at);
    program.writeBigUInt64LE(BigInt(program.indexOf(`${name}\0`, texts!.offset) - texts!.offset), at + 8);
  }
});
