import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { silentProgress } from "../../../processor/contract/progress/progress.js";
import { likeNnunet } from "../../../src/nnunet/datasets/verify/like-nnunet.js";
import { verifyDataset } from "../../../src/nnunet/datasets/verify/verify-dataset.js";
import { verifyTask } from "../../../src/nnunet/v1/verify-task.js";

let rawFolder: string;
beforeAll(async () => {
  rawFolder = await mkdtemp(join(tmpdir(), "verify-text-"));
  for (const name of ["imagesTr", "labelsTr"]) await mkdir(join(rawFolder, name));
  await writeFile(join(rawFolder, "imagesTr", "c_0000.mha"), mha(7));
  await writeFile(join(rawFolder, "labelsTr", "c.mha"), mha(2));
});
afterAll(() => rm(rawFolder, { recursive: true }));

/** A MetaImage with the voxels 0, 1, …, `largest`. */
const mha = (largest: number): Buffer =>
  Buffer.concat([
    Buffer.from(
      `NDims = 3\nDimSize = ${largest + 1} 1 1\nElementType = MET_UCHAR\nElementDataFile = LOCAL\n`,
    ),
    Buffer.from(Array.from({ length: largest + 1 }, (_, i) => i)),
  ]);

const tools = {
  workers: 1,
  progress: silentProgress,
  signal: new AbortController().signal,
  environment: {},
};

async function exceptionOf(text: string | Buffer): Promise<string | null> {
  await writeFile(join(rawFolder, "dataset.json"), text);
  const report = await verifyDataset({ name: "Dataset001_Text", rawFolder }, tools);
  return likeNnunet(report).exception?.type ?? null;
}

/** dataset.json that is right up to its labels, and then the given text. */
const json = (labels = '{"background": 0, "a": 1, "b": 2}', more = ""): string =>
  `{"channel_names": {"0": "CT"}, "labels": ${labels}, "numTraining": 1, "file_ending": ".mha"${more}}`;

// The exceptions are those of nnunetv2 2.8.1's verify_dataset_integrity, which also reads an image of 8 voxels here.
const shapeFails = "RuntimeError";

test.each<[name: string, text: string | Buffer, exception: string | null]>([
  ["a byte order mark", `\uFEFF${json()}`, "JSONDecodeError"],
  ["a comment", `// about\n${json()}`, "JSONDecodeError"],
  ["a comma too many", json(undefined, ","), "JSONDecodeError"],
  ["nothing", "", "JSONDecodeError"],
  ["a list", `[${json()}]`, "AttributeError"],
  ["UTF-16", Buffer.from(json(), "utf16le"), "JSONDecodeError"],
  ["Latin-1", Buffer.from(json(undefined, ', "name": "ä"'), "latin1"), "UnicodeDecodeError"],
  ["a key twice, whose last value counts", json(undefined, ', "numTraining": 2'), "AssertionError"],
  ["a label beyond 2^53", json('{"background": 0, "a": 1, "b": 9007199254740993}'), "AssertionError"],
  ["labels with a fraction, which is left out", json('{"background": 0, "a": 1.5, "b": 2.9}'), shapeFails],
  ["a label below 0", json('{"background": 0, "a": -1, "b": 1}'), shapeFails],
  ["null for the label to ignore", json('{"background": 0, "a": 1, "b": 2, "ignore": null}'), shapeFails],
  ["null for the reader", json(undefined, ', "overwrite_image_reader_writer": null'), "TypeError"],
  ["null for the listed cases", json(undefined, ', "dataset": null'), "AttributeError"],
])("dataset.json with %s", async (_, text, exception) => {
  expect(await exceptionOf(text)).toBe(exception);
});

test("a folder in place of dataset.json counts as none", async () => {
  await rm(join(rawFolder, "dataset.json"), { force: true });
  await mkdir(join(rawFolder, "dataset.json"));
  const report = await verifyDataset({ name: "Dataset001_Text", rawFolder }, tools);
  expect(likeNnunet(report).exception?.type).toBe("AssertionError");
  await rm(join(rawFolder, "dataset.json"), { recursive: true });
});

test("nnU-Net v1 stops at text that is not JSON too", async () => {
  await writeFile(join(rawFolder, "dataset.json"), "{,}");
  const report = await verifyTask({ name: "Task001_Text", rawFolder }, tools);
  expect(likeNnunet(report).exception?.type).toBe("JSONDecodeError");
});
