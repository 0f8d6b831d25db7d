import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, expect } from "vitest";
import { strictReading } from "../../../processor/contract/dicom-settings.js";
import { metadataOfLabels } from "../../../processor/dicom-objects/metadata-of-labels.js";
import { writeRtStructureSet } from "../../../processor/dicom-objects/write-rt-structure-set.js";
import { writeBinarySegmentation } from "../../../processor/dicom-objects/write-segmentation.js";
import { readDicomSeries } from "../../../processor/imaging/dicom/read-dicom-series.js";
import {
  caseFolder,
  segmentationCase,
  structureSetCase,
  testDefaults,
  writeGoldenBands,
  writeGoldenSegmentation,
  writeGoldenStructureSet,
} from "../../support/dicom/golden-objects.js";
import { goldenPath, repositoryRoot } from "../../support/golden.js";
import { needs, testWith } from "../../support/needs.js";
import { neverStopped } from "../../support/never-stopped.js";

/** What other programs say about our files: test/peer/check_seg.py and check_rtstruct.py ask them. */
const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), "dicom-peers-"));
afterAll(() => rmSync(folder, { recursive: true }));

const venv = process.env["DICOM_VENV"] ?? "";

async function complaintsOf(script: string, ...args: readonly string[]): Promise<readonly string[]> {
  const path = `${join(venv, "bin")}:${process.env["PATH"]}`;
  const { stdout } = await run("python3", [join(repositoryRoot, "test", "peer", script), ...args], {
    env: { ...process.env, PATH: path },
  }).catch((error: { readonly stdout: string; readonly stderr: string }) => error);
  expect(stdout).toMatch(/^(?:ok|FAILED): /m);
  return stdout.split("\n").filter((line) => line.startsWith("FAIL "));
}

for (const name of readdirSync(goldenPath("dicom", "seg")).filter((entry) => !entry.includes("."))) {
  const found = segmentationCase(name);
  // The case with an empty template changes its label map.
  if (!["accept", "either"].includes(found.outcome)) continue;
  testWith([needs.dicomPeers, needs.dciodvfy], `others read the segmentation ${name} as we do`, async () => {
    const input = caseFolder("seg", name);
    const file = join(folder, `seg-${name}.dcm`);
    expect(await writeGoldenSegmentation(found, file)).toBe("written");
    const inputs = (names: readonly string[]): readonly string[] => names.map((part) => join(input, part));
    const voxels =
      found.labels !== undefined
        ? ["--labels", ...inputs([found.labels])]
        : found.masks !== undefined
          ? ["--masks", ...inputs(found.masks)]
          : ["--probabilities", ...inputs(found.probabilities!)];
    const metadata = found.metadata === undefined ? [] : ["--metadata", join(input, found.metadata)];
    const place = ["--seg", file, "--source", join(input, found.source), "--type", found.segmentationType];
    expect(await complaintsOf("check_seg.py", ...place, ...voxels, ...metadata)).toEqual([]);
  });
}

for (const name of readdirSync(goldenPath("dicom", "rtstruct")).filter((entry) => entry !== "empty")) {
  testWith([needs.dicomPeers, needs.dciodvfy], `others draw the structure set ${name} as we do`, async () => {
    const input = caseFolder("rtstruct", name);
    const found = structureSetCase(name);
    const file = join(folder, `rt-${name}.dcm`);
    expect(await writeGoldenStructureSet(found, file)).toBe("written");
    const place = ["--rt", file, "--source", join(input, found.source)];
    const wanted = ["--labels", join(input, "labels.nii.gz"), "--rois", join(input, "rois.json")];
    expect(await complaintsOf("check_rtstruct.py", ...place, ...wanted)).toEqual([]);
  });
}

async function errorsOf(file: string): Promise<readonly string[]> {
  // It writes its findings to stderr and exits with 1 if there is an error.
  const { stdout, stderr } = await run("dciodvfy", [file], { encoding: "latin1" }).catch(
    (error: { readonly stdout: string; readonly stderr: string }) => error,
  );
  return `${stdout}${stderr}`.split("\n").filter((line) => line.startsWith("Error"));
}

testWith([needs.dciodvfy], "dciodvfy has nothing against probabilities in ten segments", async () => {
  const file = join(folder, "bands.dcm");
  await writeGoldenBands(file);
  expect(await errorsOf(file)).toEqual([]);
});

testWith(
  [needs.dciodvfy],
  "dciodvfy has nothing against results of any series that can be read",
  async () => {
    const metadata = metadataOfLabels(
      [
        { label: 1, name: "liver" },
        { label: 2, name: "my own" },
      ],
      testDefaults,
    );
    let results = 0;
    for (const name of readdirSync(goldenPath("dicom", "read"))) {
      const { outcome } = JSON.parse(
        readFileSync(goldenPath("dicom", "read", name, "expected.json"), "utf8"),
      ) as {
        readonly outcome: string;
      };
      if (outcome !== "accept") continue;
      const reference = await readDicomSeries(
        goldenPath("dicom", "read", name, "input"),
        strictReading,
        neverStopped(),
      );
      const { geometry } = reference;
      const voxels = Uint8Array.from(reference.voxels, (_, i) =>
        Math.trunc((i / reference.voxels.length) * 3),
      );
      const context = { series: { reference, geometry }, metadata, modelId: "phantom" };
      for (const write of [writeBinarySegmentation, writeRtStructureSet]) {
        const file = join(folder, "result.dcm");
        expect(await write(file, { voxels, geometry }, context)).toBe("written");
        expect([name, await errorsOf(file)]).toEqual([name, []]);
        results++;
      }
    }
    expect(results).toBeGreaterThan(150);
  },
);
