import { expect, test } from "vitest";
import { keepDeviceCode } from "../../../src/base-image/device-code.js";
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
