import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import type { PNG } from "pngjs";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Rgb } from "../../processor/dicom-objects/segment-metadata.js";
import { readLabelMap } from "../../processor/imaging/formats/read-label-map.js";
import type { Geometry } from "../../processor/imaging/volume/geometry.js";
import { openPage, pixelsOf } from "../support/browser/browser-page.js";
import { openInCornerstone, viewPixels } from "../support/browser/cornerstone/cornerstone-viewer.js";
import { openBrowser } from "../support/browser/open-browser.js";
import { caseFolder, segmentationCase, writeGoldenSegmentation } from "../support/dicom/golden-objects.js";
import { goldenSeries } from "../support/dicom/golden-series.js";
import { describeWith, needs } from "../support/needs.js";

const colours: Readonly<Record<number, Rgb>> = {
  1: [255, 0, 0],
  2: [0, 255, 0],
  3: [0, 0, 255],
  4: [255, 255, 0],
  5: [255, 0, 255],
};

describeWith([needs.chromium], "Cornerstone3D, on which OHIF is built,", () => {
  const folder = mkdtempSync(join(tmpdir(), "cornerstone-"));
  let browser: Browser;

  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser.close();
    rmSync(folder, { recursive: true });
  });

  test.each([
    "two_segments",
    "five_one_absent",
    "single_slice",
    "single_voxels",
    "source_reversed_instances",
    "labelmap",
  ])(
    "shows each voxel of the segmentation %s where the label map has it",
    { timeout: 300_000 },
    async (name) => {
      const found = segmentationCase(name);
      const { reference, geometry } = goldenSeries(join(caseFolder("seg", name), found.source));
      const labels = await readLabelMap(join(caseFolder("seg", name), found.labels!), geometry);
      const path = join(folder, `${name}.dcm`);
      await writeGoldenSegmentation(found, path);
      const viewer = await openInCornerstone(
        (address) => openPage(browser, address, { viewport: { width: 3 * viewPixels, height: viewPixels } }),
        reference.slices.map((slice) => slice.path),
        path,
      );
      // In a label map SEG, the number of a segment is its label.
      const numberOf = (label: number) => found.expected?.segmentNumbers[label] ?? label;
      const present = [...new Set(labels.voxels)].filter((label) => label !== 0).sort();
      expect(viewer.segments.map(({ number }) => number)).toEqual(present.map(numberOf));
      const [, rows, columns] = geometry.sizeZyx;
      const slice = (z: number) => labels.voxels.subarray(z * rows * columns, (z + 1) * rows * columns);
      const marked = reference.slices.map((_, z) => z).filter((z) => slice(z).some((label) => label !== 0));
      const views = [marked[0]!, marked[marked.length >> 1]!, marked.at(-1)!];
      await viewer.show({ views, opacity: 1, colours, window: null });
      for (const [i, z] of views.entries()) {
        const picture = await pixelsOf(viewer.page, `#view-${i}`);
        const shown = segmentsAtVoxels(picture, geometry);
        expect(shown).toEqual(Array.from(slice(z), (label) => (label === 0 ? 0 : numberOf(label))));
      }
      await viewer.close();
    },
  );
});

/** Returns the segment whose colour is at the centre of each voxel of a slice; 0 for grey, and -1 for any other colour. */
function segmentsAtVoxels(picture: PNG, { sizeZyx, spacingMmZyx }: Geometry): readonly number[] {
  const [, rows, columns] = sizeZyx;
  const [, heightMm, widthMm] = spacingMmZyx;
  // The whole slice fills the view, and is in its middle.
  const scale = viewPixels / Math.max(rows * heightMm, columns * widthMm);
  const left = (viewPixels - columns * widthMm * scale) / 2;
  const top = (viewPixels - rows * heightMm * scale) / 2;
  return Array.from({ length: rows * columns }, (_, i) => {
    const x = Math.floor(left + ((i % columns) + 0.5) * widthMm * scale);
    const y = Math.floor(top + (Math.floor(i / columns) + 0.5) * heightMm * scale);
    const start = 4 * (y * picture.width + x);
    return segmentOf([...picture.data.subarray(start, start + 3)]);
  });
}

function segmentOf(pixel: readonly number[]): number {
  if (Math.max(...pixel) - Math.min(...pixel) < 8) return 0;
  const found = Object.entries(colours).find(([, colour]) => colour.every((value, i) => value === pixel[i]));
  return found === undefined ? -1 : Number(found[0]);
}
