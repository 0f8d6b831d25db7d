import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { ZipArchive } from "../../../processor/files/zip/zip-archive.js";
import { readJsonFile } from "../../../src/checkpoint/read-json-file.js";
import { readTorchFile } from "../../../src/checkpoint/torch/read-torch-file.js";
import { loadConfig } from "../../../src/config/load-config.js";

const folder = mkdtempSync(join(tmpdir(), "special-files-"));
const fifo = join(folder, "fifo");
const directory = join(folder, "folder");
execFileSync("mkfifo", [fifo]);
mkdirSync(directory);
afterAll(() => rmSync(folder, { recursive: true }));

const readers = [
  ["plans.json", readJsonFile, "MODEL_FILE_INVALID"],
  ["a checkpoint", readTorchFile, "MODEL_FILE_INVALID"],
  ["a zip", (path: string) => ZipArchive.open(path), "ARCHIVE_INVALID"],
  ["config.json", loadConfig, "CONFIG_NOT_FOUND"],
] as const;

describe("a FIFO without a writer, and a folder", () => {
  it.each(readers)("end the reader of %s with an error instead of blocking it", async (_, read, code) => {
    for (const path of [fifo, directory]) await expect(read(path)).rejects.toMatchObject({ code });
  });
});
