import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { joinHoles } from "../../../processor/dicom-objects/join-holes.js";
import { findLabelExtents } from "../../../processor/dicom-objects/label-extents.js";
import { traceContours } from "../../../processor/dicom-objects/trace-contours.js";
import { readLabelMap } from "../../../processor/imaging/formats/read-label-map.js";
import { identityDirection } from "../../../processor/imaging/volume/geometry.js";
import { caseFolder, structureSetCase, writeGoldenStructureSet } from "../../support/dicom/golden-objects.js";
import { goldenSeries } from "../../support/dicom/golden-series.js";
import { readObject } from "../../support/dicom/read-object.js";
import { goldenPath } from "../../support/golden.js";

const folder = mkdtempSync(join(tmpdir(), "dicom-structures-"));
afterAll(() => rmSync(folder, { recursive: true }));

const cases = readdirSync(goldenPath("dicom", "rtstruct")).map(structureSetCase);

test("there are 11 cases", () => expect(cases).toHaveLength(11));

describe.each(cases.filter(({ outcome }) => outcome === "accept"))("the structure set $case", (found) => {
  test("has contours that give the voxels again", async () => {
    const path = join(folder, `${found.case}.dcm`);
    expect(await writeGoldenStructureSet(found, path)).toBe("written");
    const object = readObject(path);
    const input = caseFolder("rtstruct", found.case);
    const { geometry, reference } = goldenSeries(join(input, found.source));
    const { voxels } = await readLabelMap(join(input, "labels.nii.gz"), geometry);
    const regions = object.list("ROIContourSequence");
    expect(regions.map((region) => region.number("ReferencedROINumber"))).toEqual(
      found.rois.map(({ number }) => number),
    );
    for (const [i, region] of regions.entries()) {
      const { label, name, rgb } = found.rois[i]!;
      expect(object.list("StructureSetROISequence")[i]!.text("ROIName")).toBe(name);
      expect(region.numbers("ROIDisplayColor")).toEqual(rgb);
      const inside = new Uint8Array(voxels.length);
      for (const contour of region.list("ContourSequence")) {
        expect(contour.text("ContourGeometricType")).toBe("CLOSED_PLANAR");
        const uid = contour.first("ContourImageSequence").text("ReferencedSOPInstanceUID");
        const z = reference.slices.findIndex(({ sopInstanceUid }) => sopInstanceUid === uid);
        const ring = toPixels(
          contour.numbers("ContourData"),
          reference.slices[z]!.positionPatientMm,
          geometry,
        );
        expect(ring).toHaveLength(2 * contour.number("NumberOfContourPoints"));
        toggle(inside, ring, { z, sizeZyx: geometry.sizeZyx });
      }
      expect(inside).toEqual(Uint8Array.from(voxels, (value) => (value === label ? 1 : 0)));
    }
  });
});

test("an empty map gives no structure set", async () => {
  expect(await writeGoldenStructureSet(structureSetCase("empty"), join(folder, "empty.dcm"))).toBe("empty");
});

test("any mask comes back from its rings, with its holes as rings and as keyholes", () => {
  let seed = 7;
  const random = (): number => {
    seed = (seed * 48271) % 2147483647;
    return seed / 2147483647;
  };
  for (let trial = 0; trial < 200; trial++) {
    const sizeZyx = [1, 1 + Math.floor(random() * 9), 1 + Math.floor(random() * 9)] as const;
    const [, rows, columns] = sizeZyx;
    const share = random();
    const voxels = Uint8Array.from({ length: rows * columns }, () => (random() < share ? 3 : 0));
    const geometry = {
      sizeZyx,
      spacingMmZyx: [1, 1, 1] as const,
      originMmXyz: [0, 0, 0] as const,
      directionXyz: identityDirection,
      dimensions: 3 as const,
    };
    const inside = new Uint8Array(voxels.length);
    const insideKeyholes = new Uint8Array(voxels.length);
    for (const extent of findLabelExtents({ voxels, geometry }).get(3) ?? []) {
      const rings = traceContours({ voxels, label: 3, extent, rows, columns });
      for (const ring of rings) {
        expect(ring.length).toBeGreaterThanOrEqual(8);
        toggle(inside, ring, { z: 0, sizeZyx });
      }
      for (const ring of joinHoles(rings)) toggle(insideKeyholes, ring, { z: 0, sizeZyx });
    }
    expect(inside).toEqual(voxels.map((value) => (value === 3 ? 1 : 0)));
    expect(insideKeyholes).toEqual(inside);
  }
});

test("a ring with a hole becomes one ring that is inside once, however it is filled", () => {
  const voxels = Uint8Array.from({ length: 49 }, (_, i) => {
    const distance = Math.max(Math.abs((i % 7) - 3), Math.abs(Math.trunc(i / 7) - 3));
    return distance === 2 || distance === 0 ? 1 : 0;
  });
  const extent = { z: 0, rows: [1, 6], columns: [1, 6] } as const;
  const rings = traceContours({ voxels, label: 1, extent, rows: 7, columns: 7 });
  expect(rings).toHaveLength(3);
  const joined = joinHoles(rings);
  expect(joined).toHaveLength(2);
  const inside = new Uint8Array(49);
  // Filled one by one without XOR.
  for (const ring of joined) {
    const filled = new Uint8Array(49);
    toggle(filled, ring, { z: 0, sizeZyx: [1, 7, 7] });
    for (const [i, value] of filled.entries()) inside[i]! |= value;
  }
  expect(inside).toEqual(voxels);
});

test("a hole may have more points than arguments of a function can be", () => {
  // A comb, whose teeth and gaps are one pixel wide.
  const [rows, columns] = [5, 200_001];
  const voxels = Uint8Array.from({ length: rows * columns }, (_, i) => {
    const [y, x] = [Math.floor(i / columns), i % columns];
    const isHole = x > 0 && x < columns - 1 && (y === 1 || (y === 2 && x % 2 === 1));
    return isHole ? 0 : 1;
  });
  const extent = { z: 0, rows: [0, rows], columns: [0, columns] } as const;
  const rings = traceContours({ voxels, label: 1, extent, rows, columns });
  expect(rings.map(({ length }) => length > 300_000)).toEqual([false, true]);
  expect(joinHoles(rings)).toHaveLength(1);
});

test("a single pixel is a ring of four points, half a pixel around it", () => {
  const voxels = Uint8Array.of(0, 0, 0, 0, 1, 0, 0, 0, 0);
  const extent = { z: 0, rows: [1, 2], columns: [1, 2] } as const;
  expect(traceContours({ voxels, label: 1, extent, rows: 3, columns: 3 })).toEqual([
    [1, 0.5, 1.5, 1, 1, 1.5, 0.5, 1],
  ]);
});

interface Grid {
  readonly spacingMmZyx: readonly [number, number, number];
  readonly directionXyz: readonly number[];
}

function toPixels(points: readonly number[], origin: readonly number[], grid: Grid): number[] {
  const [, spacingY, spacingX] = grid.spacingMmZyx;
  const d = grid.directionXyz;
  const pixels: number[] = [];
  for (let i = 0; i < points.length; i += 3) {
    const offset = [0, 1, 2].map((axis) => points[i + axis]! - origin[axis]!);
    const along = (column: number): number =>
      offset.reduce((sum, value, axis) => sum + value * d[3 * axis + column]!, 0);
    expect(Math.abs(along(2))).toBeLessThan(0.001);
    pixels.push(along(0) / spacingX, along(1) / spacingY);
  }
  return pixels;
}

/** Turns every pixel around whose centre is inside the ring (even-odd rule). */
function toggle(
  inside: Uint8Array,
  ring: readonly number[],
  {
    z,
    sizeZyx: [, rows, columns],
  }: { readonly z: number; readonly sizeZyx: readonly [number, number, number] },
): void {
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      let isInside = false;
      for (let i = 0; i < ring.length; i += 2) {
        const [x1, y1] = [ring[i]!, ring[i + 1]!];
        const [x2, y2] = [ring[(i + 2) % ring.length]!, ring[(i + 3) % ring.length]!];
        if (y1 > y !== y2 > y && x < x1 + ((y - y1) / (y2 - y1)) * (x2 - x1)) isInside = !isInside;
      }
      if (isInside) inside[(z * rows + y) * columns + x]! ^= 1;
    }
  }
}
