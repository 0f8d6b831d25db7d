import type { LabelDefinition } from "../../contract/manifest.js";
import { sharedError } from "../../contract/shared-errors.js";
import { voxelCount } from "../../imaging/volume/axes.js";
import type { ProbabilityMap } from "../../imaging/volume/probability-map.js";
import { type ExportGrid, placeInImage } from "./export-grid.js";
import type { ProbabilitySink } from "./export-labels.js";

export interface ClassMapOptions {
  readonly grid: ExportGrid;
  readonly labels: LabelDefinition;
  /** The number of output channels of the networks. */
  readonly heads: number;
  /** The channels whose probabilities are added; null for all but the background. */
  readonly classes: readonly number[] | null;
}

/** A sink that keeps the probabilities of some classes, on the whole image in the networks' orientation. */
export interface ClassMapSink extends ProbabilitySink {
  readonly map: ProbabilityMap;
}

/** @throws USAGE if the networks do not have a class */
export function openClassMap({ grid, labels, heads, classes: wanted }: ClassMapOptions): ClassMapSink {
  const classes = wanted ?? foregroundClasses(labels, heads);
  const unknown = classes.find((index) => index >= heads);
  if (unknown !== undefined) {
    throw sharedError(
      "USAGE",
      `there is no class ${unknown}: the model's output has the classes 0 to ${heads - 1} (${classNames(labels).join(", ")})`,
    );
  }
  const geometry = grid.history.originalGeometry;
  const voxels = new Float32Array(new SharedArrayBuffer(voxelCount(geometry.sizeZyx) * 4));
  // Outside the crop, the background has probability 1.
  if (classes.includes(0) && labels.regionsClassOrder === null) voxels.fill(1);
  const { start, strideZyx } = placeInImage(grid);
  const [, rows, columns] = grid.history.sizeAfterCroppingZyx;
  return {
    map: { voxels, geometry },
    writeSlice(z, planes) {
      for (const [place, index] of classes.entries()) {
        let source = index * rows * columns;
        for (let y = 0; y < rows; y++) {
          let target = start + z * strideZyx[0] + y * strideZyx[1];
          for (let x = 0; x < columns; x++, target += strideZyx[2])
            voxels[target] = (place === 0 ? 0 : voxels[target]!) + planes[source++]!;
        }
      }
      return Promise.resolve();
    },
  };
}

const foregroundClasses = ({ regionsClassOrder }: LabelDefinition, heads: number): readonly number[] =>
  Array.from({ length: heads }, (_, index) => index).filter(
    (index) => index > 0 || regionsClassOrder !== null,
  );

/** Returns the name of each output channel: labels by their numbers, or regions in dataset.json's order. */
export function classNames({ names, regionsClassOrder, ignoreLabel }: LabelDefinition): readonly string[] {
  if (regionsClassOrder !== null)
    return names.filter(({ value }) => value !== 0 && value !== ignoreLabel).map(({ name }) => name);
  return names
    .filter(({ value }) => value !== ignoreLabel)
    .toSorted((a, b) => Number(a.value) - Number(b.value))
    .map(({ name }) => name);
}
