/**
 * Part of `npm run pictures`: draws a DICOM segmentation over its CT with Cornerstone3D in Chromium. Both are written by this
 * program, and the viewer reads them as those of any other.
 */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { strictReading } from "../../processor/contract/dicom-settings.js";
import { metadataOfLabels } from "../../processor/dicom-objects/metadata-of-labels.js";
import { writeBinarySegmentation } from "../../processor/dicom-objects/write-segmentation.js";
import { readDicomSeries } from "../../processor/imaging/dicom/read-dicom-series.js";
import { openInCornerstone, pagesOf } from "../support/browser/cornerstone/cornerstone-viewer.js";
import { openBrowser } from "../support/browser/open-browser.js";
import { testDefaults } from "../support/dicom/golden-objects.js";
import { repositoryRoot } from "../support/golden.js";
import { writeDicomSeries } from "../support/images/dicom-builder.js";
import { torsoNames, torsoPhantom, torsoSizeZyx, torsoSpacingMmZyx } from "./torso-phantom.js";

const desk = mkdtempSync(join(tmpdir(), "segmentation-picture-"));
const browser = await openBrowser();
try {
  const { hounsfield, labels } = torsoPhantom();
  const ct = join(desk, "ct");
  writeDicomSeries(ct, {
    voxels: hounsfield,
    sizeZyx: torsoSizeZyx,
    spacingMmZyx: torsoSpacingMmZyx,
    originMmXyz: [-190, -160, -130],
  });
  const series = await readDicomSeries(ct, strictReading, AbortSignal.timeout(60_000));
  const path = join(desk, "segmentation.dcm");
  const metadata = metadataOfLabels(
    torsoNames.map((name, i) => ({ label: i + 1, name })),
    testDefaults,
  );
  const source = { reference: series, geometry: series.geometry };
  await writeBinarySegmentation(
    path,
    { voxels: labels, geometry: series.geometry },
    {
      series: source,
      metadata,
      modelId: "picture",
    },
  );
  const viewer = await openInCornerstone(
    pagesOf(browser),
    readdirSync(ct)
      .sort()
      .map((name) => join(ct, name)),
    path,
  );
  const colours = Object.fromEntries(metadata.segments.map(({ color }, i) => [i + 1, color]));
  await viewer.show({ views: ["axial", "coronal", "sagittal"], opacity: 0.45, colours, window: [-160, 320] });
  const name = join("docs", "images", "segmentation.png");
  writeFileSync(join(repositoryRoot, name), await viewer.page.screenshot());
  await viewer.close();
  process.stdout.write(`${name}\n`);
} finally {
  await browser.close();
  rmSync(desk, { recursive: true, force: true });
}
