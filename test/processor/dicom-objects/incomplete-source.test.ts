import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { strictReading } from "../../../processor/contract/dicom-settings.js";
import { metadataOfLabels } from "../../../processor/dicom-objects/metadata-of-labels.js";
import { patientAndStudy } from "../../../processor/dicom-objects/source-attributes.js";
import { writeRtStructureSet } from "../../../processor/dicom-objects/write-rt-structure-set.js";
import { writeBinarySegmentation } from "../../../processor/dicom-objects/write-segmentation.js";
import { readDicomSeries } from "../../../processor/imaging/dicom/read-dicom-series.js";
import { testDefaults } from "../../support/dicom/golden-objects.js";
import { readObject } from "../../support/dicom/read-object.js";
import { dicomFile, writeDicomSeries } from "../../support/images/dicom-builder.js";
import { neverStopped } from "../../support/never-stopped.js";

const folder = mkdtempSync(join(tmpdir(), "incomplete-source-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("dates and times of ACR-NEMA become those of DICOM, and texts lose their control characters", () => {
  const elements = new Map<number, readonly [string, string]>([
    [0x00080020, ["DA", "2024.01.02"]],
    [0x00080030, ["TM", "10:11:12.5"]],
    [0x00081030, ["LO", "Abdomen\tand\r\npelvis"]],
    [0x00100030, ["DA", "19600101"]],
  ]);
  const path = join(folder, "old.dcm");
  writeFileSync(path, dicomFile(elements));
  expect(patientAndStudy(readObject(path))).toMatchObject({
    StudyDate: "20240102",
    StudyTime: "101112.5",
    StudyDescription: "Abdomen and pelvis",
    PatientBirthDate: "19600101",
  });
});

test("results of images without a study share one that their series determines", async () => {
  writeDicomSeries(join(folder, "ct"), {
    voxels: new Int16Array(2 * 3 * 4),
    sizeZyx: [2, 3, 4],
    spacingMmZyx: [2, 1, 1],
    originMmXyz: [0, 0, 0],
    elements: new Map([[0x0020000d, ["UI", ""]]]),
  });
  const reference = await readDicomSeries(join(folder, "ct"), strictReading, neverStopped());
  const { geometry } = reference;
  const labelMap = { voxels: new Uint8Array(2 * 3 * 4).fill(1), geometry };
  const metadata = metadataOfLabels([{ label: 1, name: "liver" }], testDefaults);
  const context = { series: { reference, geometry }, metadata, modelId: "phantom" };
  const studies: (string | null)[] = [];
  for (const write of [writeBinarySegmentation, writeRtStructureSet]) {
    const path = join(folder, "result.dcm");
    expect(await write(path, labelMap, context)).toBe("written");
    studies.push(readObject(path).text("StudyInstanceUID"));
  }
  expect(studies[0]).toMatch(/^2\.25\.\d+$/);
  expect(studies[1]).toBe(studies[0]);
});
