import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { main } from "../../../src/cli/main.js";
import { type TestTerminal, testTerminal } from "../../support/programs/test-terminal.js";

const dataset = "Dataset007_Odd";
let folder: string;
let terminal: TestTerminal;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "unnoticed-"));
  terminal = testTerminal(folder, {
    nnUNet_raw: join(folder, "raw"),
    nnUNet_preprocessed: join(folder, "pre"),
    nnUNet_results: join(folder, "res"),
  });
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Writes a MetaImage of 2 × 3 × 4 voxels of 1 mm. */
function write(name: string, type: "MET_FLOAT" | "MET_UCHAR", voxels: Float32Array | Uint8Array): void {
  const header = `ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\nDimSize = 4 3 2\nElementSpacing = 1 1 1\nElementType = ${type}\nElementDataFile = LOCAL\n`;
  writeFileSync(
    join(folder, "raw", dataset, name),
    Buffer.concat([Buffer.from(header), Buffer.from(voxels.buffer)]),
  );
}

/** Writes a data set of one case. */
function writeDataset({ image = 1, label = 1 }: { readonly image?: number; readonly label?: number }): void {
  const raw = join(folder, "raw", dataset);
  for (const name of ["imagesTr", "labelsTr", "imagesTs"]) mkdirSync(join(raw, name), { recursive: true });
  write(
    "imagesTr/a_0000.mha",
    "MET_FLOAT",
    Float32Array.from({ length: 24 }, (_, i) => (i === 5 ? image : i)),
  );
  write(
    "labelsTr/a.mha",
    "MET_UCHAR",
    Uint8Array.from({ length: 24 }, (_, i) => (i === 5 ? label : Number(i > 8))),
  );
  const json = {
    channel_names: { "0": "MRI" },
    labels: { background: 0, a: 1 },
    numTraining: 1,
    file_ending: ".mha",
  };
  writeFileSync(join(raw, "dataset.json"), JSON.stringify(json));
}

test("what is in imagesTs is not noticed, as in nnU-Net", async () => {
  writeDataset({});
  writeFileSync(join(folder, "raw", dataset, "imagesTs", "broken_0000.mha"), "not an image");
  expect(await main(["dataset", "verify", "7"], terminal), terminal.printed.err).toBe(0);
  expect(terminal.printed.out).not.toContain("broken");
});

test.each([
  { label: 1, exit: 0, says: "nnU-Net would find no errors" },
  { label: 7, exit: 4, says: "nnU-Net would stop with RuntimeError" },
])("dataset verify --like nnunet exits with $exit for a label of $label", async ({ label, exit, says }) => {
  writeDataset({ label });
  expect(await main(["dataset", "verify", "7", "--like", "nnunet"], terminal)).toBe(exit);
  expect(terminal.printed.out).toContain(says);
});

test("fingerprint refuses NaN, where nnU-Net's worker stops with an AssertionError", async () => {
  writeDataset({ image: Number.NaN });
  expect(await main(["fingerprint", "7"], terminal)).toBe(4);
  expect(terminal.printed.err).toMatch(/a_0000\.mha.*NaN/s);
  expect(existsSync(join(folder, "pre", dataset, "dataset_fingerprint.json"))).toBe(false);
});
