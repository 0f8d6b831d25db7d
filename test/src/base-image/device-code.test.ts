import { expect, test } from "vitest";
import { keepDeviceCode } from "../../../src/base-image/device-code.js";

test("keeps the device code of one compute capability and fills that of others with zeros, each at its place", () => {
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

test("names the compute capabilities that have code, when one is asked for that has none", () => {
  const library = libraryWith([[{ architecture: 80, code: "code" }]]);
  expect(() => keepDeviceCode(library, ["9.0"])).toThrow("no code for 9.0; there is code for 8.0");
});

test("refuses what is not a CUDA library", () => {
  expect(() => keepDeviceCode(Buffer.from("#!/bin/sh\n".padEnd(100)), ["9.0"])).toThrow(
    "not a 64-bit ELF library",
  );
});

interface DeviceCode {
  readonly architecture: number;
  readonly code: string;
}

/** An ELF file with the section names and device code that pruning reads, and nothing else. */
function libraryWith(containers: readonly (readonly DeviceCode[])[]): Buffer {
  const names = Buffer.from("\0.shstrtab\0.nv_fatbin\0", "latin1");
  const code = Buffer.concat(containers.map(container));
  const header = Buffer.alloc(64);
  header.write("\x7fELF\x02", "latin1");
  const namesAt = header.length;
  const codeAt = Math.ceil((namesAt + names.length) / 8) * 8;
  header.writeBigUInt64LE(BigInt(codeAt + code.length), 0x28);
  header.writeUInt16LE(64, 0x3a);
  header.writeUInt16LE(2, 0x3c);
  const section = (name: string, offset: number, size: number): Buffer => {
    const entry = Buffer.alloc(64);
    entry.writeUInt32LE(names.indexOf(name), 0);
    entry.writeBigUInt64LE(BigInt(offset), 24);
    entry.writeBigUInt64LE(BigInt(size), 32);
    return entry;
  };
  return Buffer.concat([
    header,
    names,
    Buffer.alloc(codeAt - namesAt - names.length),
    code,
    section(".shstrtab", namesAt, names.length),
    section(".nv_fatbin", codeAt, code.length),
  ]);
}

function container(parts: readonly DeviceCode[]): Buffer {
  const entries = Buffer.concat(
    parts.map(({ architecture, code }) => {
      const entry = Buffer.alloc(64);
      entry.writeUInt32LE(entry.length, 4);
      entry.writeBigUInt64LE(BigInt(code.length), 8);
      entry.writeUInt32LE(architecture, 28);
      return Buffer.concat([entry, Buffer.from(code)]);
    }),
  );
  const header = Buffer.alloc(16);
  header.writeUInt32LE(0xba55ed50, 0);
  header.writeUInt16LE(header.length, 6);
  header.writeBigUInt64LE(BigInt(entries.length), 8);
  const padding = Buffer.alloc((8 - ((header.length + entries.length) % 8)) % 8);
  return Buffer.concat([header, entries, padding]);
}
