import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { type CaseRequest, imageFile } from "../../processor/runtime/cases/case.js";
import { checkOutputs, isWritten } from "../../processor/runtime/outputs/check-outputs.js";

const scratch = mkdtempSync(join(tmpdir(), "check-outputs-"));
afterAll(() => rmSync(scratch, { recursive: true }));

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(scratch, "output-"));
});

const request = (input: string, output: string, probabilities: string | null = null): CaseRequest => ({
  name: input,
  inputs: [imageFile(input)],
  previousStage: null,
  refinement: null,
  outputs: [
    { kind: "label-map", path: join(folder, output) },
    ...(probabilities === null
      ? []
      : [{ kind: "probabilities", path: join(folder, probabilities) } as const]),
  ],
});

describe("before the work starts", () => {
  test("output folders are made", async () => {
    await checkOutputs([request("a.mha", "new/deep/a.mha")], "error");
    expect(existsSync(join(folder, "new", "deep"))).toBe(true);
  });

  test("a name that is too long for the file system is refused", async () => {
    await expect(
      checkOutputs([request("a.mha", `${"a".repeat(249)}.nii.gz`)], "overwrite"),
    ).rejects.toMatchObject({
      code: "OUTPUT_UNWRITABLE",
      message: expect.stringContaining("its name has 256 bytes"),
    });
  });

  test.each([
    { what: "segmentation", ending: ".nii.gz", isSame: true },
    { what: "file of probabilities", ending: ".mha", isSame: false },
  ])("two inputs for one $what are refused with both names", async ({ ending, isSame }) => {
    const requests = [
      request("a.mha", `a${ending}`, "a.npz"),
      request("a.nii", isSame ? `a${ending}` : "a.nii", "a.npz"),
    ];
    await expect(checkOutputs(requests, "overwrite")).rejects.toMatchObject({
      code: "INPUT_AMBIGUOUS",
      message: expect.stringMatching(/^a\.mha and a\.nii would both become .*\/a\.(nii\.gz|npz)$/),
    });
  });

  test.each(["a.mha", "a.npz", "a.pkl"])("%s that exists is refused and stays as it is", async (name) => {
    writeFileSync(join(folder, name), "earlier");
    const requests = [request("a.mha", "a.mha", "a.npz")];
    await expect(checkOutputs(requests, "error")).rejects.toMatchObject({ code: "OUTPUT_EXISTS" });
    expect(readFileSync(join(folder, name), "utf8")).toBe("earlier");
    await checkOutputs(requests, "continue");
    await checkOutputs(requests, "overwrite");
  });

  test("a file where the folder should be is refused", async () => {
    writeFileSync(join(folder, "taken"), "");
    await expect(checkOutputs([request("a.mha", "taken/a.mha")], "error")).rejects.toMatchObject({
      code: "OUTPUT_UNWRITABLE",
    });
  });
});

test("a case is written only when all of its files are there", async () => {
  const asked = request("a.mha", "a.mha", "a.npz");
  mkdirSync(folder, { recursive: true });
  expect(await isWritten(asked)).toBe(false);
  writeFileSync(join(folder, "a.mha"), "");
  expect(await isWritten(asked)).toBe(false);
  writeFileSync(join(folder, "a.npz"), "");
  expect(await isWritten(asked)).toBe(false);
  writeFileSync(join(folder, "a.pkl"), "");
  expect(await isWritten(asked)).toBe(true);
});
