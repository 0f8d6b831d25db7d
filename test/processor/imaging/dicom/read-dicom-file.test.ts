import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { strictReading } from "../../../../processor/contract/dicom-settings.js";
import { readDicomFile } from "../../../../processor/imaging/dicom/read-dicom-file.js";
import { readDicomSeries } from "../../../../processor/imaging/dicom/read-dicom-series.js";
import { goldenPath } from "../../../support/golden.js";
import { dicomFile } from "../../../support/images/dicom-builder.js";
import { neverStopped } from "../../../support/never-stopped.js";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "read-dicom-file-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const golden = (name: string, file = "IM0001.dcm") =>
  readFileSync(goldenPath("dicom", "read", name, "input", file));

function put(bytes: Uint8Array): string {
  const path = join(folder, "IM0001.dcm");
  writeFileSync(path, bytes);
  return path;
}

describe("a file that is cut off anywhere is refused", () => {
  test.each([
    ["explicit big endian", golden("ts_explicit_be_8bit")],
    ["implicit little endian", golden("ts_implicit_le")],
    ["compressed", golden("ts_jpegls_lossless")],
    ["deflated", golden("ts_deflated")],
    ["with elements after the pixels", golden("trailing_padding")],
    ["without a preamble", golden("no_preamble_with_meta")],
  ])("%s", { timeout: 60_000 }, async (_, whole) => {
    await expect(read(whole)).resolves.toBe("accepted");
    const answers = new Map<number, string>();
    // Every length near both ends, and every thirty-first between them.
    for (
      let length = 0;
      length < whole.length;
      length += length < 200 || length > whole.length - 200 ? 1 : 31
    )
      answers.set(length, await read(whole.subarray(0, length)));
    const wrong = [...answers].filter(
      ([length, answer]) => !answer.startsWith("DICOM_") && !isComplete(whole, length),
    );
    expect(wrong).toEqual([]);
  });
});

const read = (bytes: Uint8Array): Promise<string> =>
  readDicomSeries(put(bytes), strictReading, neverStopped()).then(
    () => "accepted",
    (error: { code: string }) => error.code,
  );

/** A file may end before the elements that follow its pixels: nothing says that there were any. */
function isComplete(whole: Buffer, length: number): boolean {
  const tail = whole.lastIndexOf(Buffer.from([0xfc, 0xff, 0xfc, 0xff]));
  return length === tail;
}

test("the zeros that fill up a file's last block are not elements", async () => {
  const whole = golden("ts_implicit_le");
  const found = await readDicomFile(put(Buffer.concat([whole, Buffer.alloc(300)])));
  expect(found?.pixels).not.toBeNull();
});

test("a value of an unknown VR is skipped, whatever it holds", async () => {
  const file = dicomFile(new Map([[0x00091010, ["UN", Buffer.from("ZZ\xff\xff\xff\xff", "latin1")]]]));
  expect((await readDicomFile(put(file)))?.dataSet.tags()).toEqual([0x00091010]);
});

test("a file has at most 65,536 elements, so that a small one cannot fill the memory", async () => {
  const many = new Map(
    Array.from({ length: 2 ** 16 + 1 }, (_, i) => [0x00110000 + i, ["LO", ""] as const] as const),
  );
  await expect(readDicomFile(put(dicomFile(many)))).rejects.toMatchObject({ code: "DICOM_TOO_LARGE" });
});
