import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { repositoryRoot } from "../support/golden.js";

const folder = join(repositoryRoot, "test", "golden", "dicom", "read");
const hostile = readdirSync(folder).filter((name) => name.startsWith("hostile_") || name.startsWith("deep_"));
const program = join(repositoryRoot, "dist", "test", "golden", "read-dicom-process.js");

test.each(hostile)(
  "the files of %s are answered within 10 s and 512 MiB, and the process lives",
  async (name) => {
    const { stdout } = await promisify(execFile)(process.execPath, [program, join(folder, name, "input")], {
      timeout: 10_000,
    });
    const { code, peakBytes } = JSON.parse(stdout) as { readonly code: string; readonly peakBytes: number };
    expect(code).toMatch(name.startsWith("hostile_") ? /^DICOM_/ : /^accepted$/);
    expect(peakBytes).toBeLessThan(512 * 2 ** 20);
  },
);
