import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { tarOf } from "../../viewer/src/input/tar.js";
import { needs, testWith } from "../support/needs.js";

testWith(
  [needs.tar],
  "another program unpacks the tar of a folder, and finds no names of patients",
  async () => {
    const contents = ["", "a", "b".repeat(512), "c".repeat(70_000)];
    const files = contents.map((content, i) => {
      const name = `DOE^JANE_${i}.dcm`;
      return { path: `DOE^JANE/${name}`, file: new File([content], name) };
    });
    const folder = mkdtempSync(join(tmpdir(), "tar-"));
    try {
      const archive = join(folder, "input.tar");
      const bytes = Buffer.from(await tarOf(files, "scan_0000").arrayBuffer());
      writeFileSync(archive, bytes);
      expect(bytes.includes("DOE")).toBe(false);
      execFileSync("tar", ["-xf", archive, "-C", folder]);
      const unpacked = contents.map((_, i) =>
        readFileSync(join(folder, "scan_0000", `00000${i + 1}.dcm`), "utf8"),
      );
      expect(unpacked).toEqual(contents);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);
