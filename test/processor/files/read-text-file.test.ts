import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { readTextFile, readTextFileSync, readWholeText } from "../../../processor/files/read-text-file.js";
import { readSpacingFile } from "../../../processor/imaging/formats/spacing-file.js";
import { readJsonFile } from "../../../src/checkpoint/read-json-file.js";
import { loadConfig } from "../../../src/config/load-config.js";

const folder = mkdtempSync(join(tmpdir(), "byte-order-mark-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Writes a text as editors on Windows do. */
function marked(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(text)]));
  return file;
}

describe("the byte order mark before a text that a person wrote", () => {
  test("is not part of the text", async () => {
    const file = marked("text.txt", "a");
    expect(await readTextFile(file, 100)).toBe("a");
    expect(readTextFileSync(file, 100)).toBe("a");
    expect(await readWholeText(file, 100)).toBe("\uFEFFa");
  });

  test("is accepted in config.json, whose faults keep their places", async () => {
    const file = marked("config.json", '{"device": "cpu"}');
    expect((await loadConfig(file)).settings.device).toBe("cpu");
    await expect(loadConfig(marked("wrong.json", '{"device": "tpu"}'))).rejects.toThrow(
      "wrong.json:1:2 /device",
    );
  });

  test("is accepted in dataset.json", async () => {
    const file = marked("dataset.json", '{"file_ending": ".mha"}');
    expect((await readJsonFile(file)).get("file_ending").string()).toBe(".mha");
  });

  test("is accepted in the file with the spacing of a picture", async () => {
    marked("case.json", '{"spacing": [1, 2, 3]}');
    expect(await readSpacingFile(join(folder, "case.tif"))).toEqual([1, 2, 3]);
  });
});
