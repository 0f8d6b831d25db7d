import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Zyx } from "../../../../processor/imaging/volume/axes.js";
import { labelComponents } from "../../../../processor/imaging/volume/connected-components.js";
import { keepLargestComponent } from "../../../../processor/runtime/postprocess/keep-largest-component.js";
import { repositoryRoot } from "../../../support/golden.js";

/** A random label map, and nnU-Net's result for it; see test/peer/component_fixtures.py. Each voxel is a digit. */
interface ComponentCase {
  readonly sizeZyx: Zyx;
  readonly labels: readonly number[];
  readonly sparing: { readonly voxelVolumeMm3: number; readonly minimumMm3: number } | null;
  readonly voxels: string;
  /** The result for 6-connectivity, by v1's rule. */
  readonly faces: string;
  /** The result for 26-connectivity, of v2's function; null if only v1 has the option. */
  readonly corners: string | null;
  readonly faceComponents: number;
  readonly cornerComponents: number;
}

const cases = JSON.parse(
  readFileSync(join(repositoryRoot, "test", "fixtures", "components", "components.json"), "utf8"),
) as readonly ComponentCase[];
const voxelsOf = (digits: string): Uint8Array => Uint8Array.from(digits, Number);
const nameOf = ({ sizeZyx, labels, sparing }: ComponentCase, index: number): string =>
  `${index}: ${sizeZyx.join("×")}, labels ${labels.join(" ")}${sparing === null ? "" : ", large ones spared"}`;
const table = cases.map((known, index) => ({ name: nameOf(known, index), known }));

describe("all components but the largest are removed, as in nnU-Net v1 (6 neighbours)", () => {
  test.each(table)("$name", ({ known }) => {
    const voxels = voxelsOf(known.voxels);
    const removed = keepLargestComponent({ ...known, voxels, connectivity: 6 });
    expect(voxels.join("")).toBe(known.faces);
    expect(removed.componentCount).toBe(known.faceComponents);
    expect(removed.removedVoxels).toBe(
      voxelsOf(known.voxels).filter((label, i) => label !== voxels[i]).length,
    );
  });
});

describe("all components but the largest are removed, as in nnU-Net v2 (26 neighbours)", () => {
  test.each(table.filter(({ known }) => known.corners !== null))("$name", ({ known }) => {
    const voxels = Uint16Array.from(voxelsOf(known.voxels));
    const removed = keepLargestComponent({ ...known, voxels, connectivity: 26 });
    expect(voxels.join("")).toBe(known.corners);
    expect(removed.componentCount).toBe(known.cornerComponents);
  });
});

test("removed components are counted", () => {
  const voxels = Uint8Array.from([1, 1, 1, 0, 1, 1, 0, 1, 2]);
  const removed = keepLargestComponent({
    voxels,
    ...{ sizeZyx: [1, 1, 9], labels: [1], connectivity: 6, sparing: null },
  });
  expect(removed).toEqual({
    componentCount: 3,
    largestVoxels: 3,
    removedComponents: 2,
    removedVoxels: 3,
    largestRemovedVoxels: 2,
  });
  expect(Array.from(voxels)).toEqual([1, 1, 1, 0, 0, 0, 0, 0, 2]);
});

test("runs at the end of one row and the start of the next are not neighbours", () => {
  const voxels = Uint8Array.from([0, 0, 1, 1, 0, 0]);
  const components = (sizeZyx: Zyx) =>
    labelComponents(voxels, { sizeZyx, labels: [1], connectivity: 26 }).sizes.length;
  expect(components([1, 2, 3])).toBe(2);
  expect(components([2, 1, 3])).toBe(2);
  expect(components([1, 1, 6])).toBe(1);
});

test("a size that does not fit the voxels is refused", () => {
  expect(() =>
    labelComponents(new Uint8Array(5), { sizeZyx: [1, 2, 3], labels: [1], connectivity: 6 }),
  ).toThrow("5 voxels do not make a volume of 1 × 2 × 3");
});
