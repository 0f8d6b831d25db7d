import type { LabelDefinition } from "../../contract/manifest.js";
import type { NonEmpty } from "../../contract/non-empty.js";
import { splitRange } from "../../imaging/threads/split-range.js";
import { permute } from "../../imaging/volume/axes.js";
import type { LabelMap } from "../../imaging/volume/label-map.js";
import type { LogitStream } from "../inference/logit-slab.js";
import type { RuntimePool } from "../threads/kernels.js";
import { axisTables, type ExportGrid, exportTarget } from "./export-grid.js";
import { axesBetween, permuteStream } from "./permute-stream.js";
import type { ProbabilitySource } from "./probability-slice.js";
import { resizeStream } from "./resize-stream.js";
import { SlabCursor } from "./slab-cursor.js";

/** Receives probabilities slice by slice, on the cropped and transposed image grid. */
export interface ProbabilitySink {
  /** @param planes `head × y × x` of slice `z`; valid until the promise resolves */
  writeSlice(z: number, planes: Float32Array): Promise<void>;
}

/** One network's output, and the facts that are needed to export it to the image's grid. */
export interface ExportSource extends ExportGrid {
  readonly stream: LogitStream;
}

export interface ExportOptions {
  /** The labels of all sources. */
  readonly labels: LabelDefinition;
  readonly pool: RuntimePool;
  /** Receives probabilities on the grid of the first source; null if none are written. */
  readonly probabilities: ProbabilitySink | null;
}

/**
 * Exports labels as nnU-Net does, but slab by slab: resamples the logits to the cropped image's grid, takes the largest
 * (or paints the regions), and writes the result into the uncropped volume with the image's order of axes. The
 * probabilities of several sources are first averaged on that grid, as `nnUNetv2_ensemble` and `nnUNet_ensemble` do.
 *
 * Memory holds the current slabs, one slice before each, and the label map, so that it does not grow with classes ×
 * volume.
 */
export async function exportLabels(
  sources: NonEmpty<ExportSource>,
  options: ExportOptions,
): Promise<LabelMap> {
  const [first] = sources;
  const target = exportTarget(first, options.labels);
  const cursors = await openCursors(sources, options.pool);
  const slices = first.history.sizeAfterCroppingZyx[0];
  try {
    for (let done = 0; done < slices; ) {
      const ready = Math.min(...cursors.map((cursor) => cursor.readySlices(done)));
      if (ready === done) {
        for (const cursor of cursors) if (cursor.readySlices(done) === done) await cursor.advance();
        continue;
      }
      const range = { from: done, to: ready };
      await paint(cursors, range, { ...options, target });
      if (options.probabilities !== null) await writeProbabilities(cursors, range, options);
      done = ready;
    }
    for (const cursor of cursors) await cursor.finish();
  } finally {
    for (const cursor of cursors) await cursor.leave();
  }
  return { voxels: target.voxels, geometry: first.history.originalGeometry };
}

/** Opens a cursor for each source. All sources are read in the axis order of the first. */
function openCursors(sources: NonEmpty<ExportSource>, pool: RuntimePool): Promise<NonEmpty<SlabCursor>> {
  const [first, ...others] = sources;
  const open = async ({ stream: networkStream, ...grid }: ExportSource): Promise<SlabCursor> => {
    const stream = await resizeStream(networkStream, grid, pool);
    const tables = axisTables(stream.sizeZyx, grid);
    const order = axesBetween(grid.plan.transposeForward, first.plan.transposeForward);
    if (order === null) return new SlabCursor(stream, tables);
    return new SlabCursor(await permuteStream(stream, order), permute(tables, order));
  };
  return Promise.all([open(first), ...others.map(open)]);
}

interface SliceRange {
  readonly from: number;
  readonly to: number;
}

async function paint(
  cursors: NonEmpty<SlabCursor>,
  { from, to }: SliceRange,
  { labels, pool, target }: ExportOptions & { readonly target: ReturnType<typeof exportTarget> },
): Promise<void> {
  const [first] = cursors;
  const common = { target, regionsClassOrder: labels.regionsClassOrder };
  const regionThreshold = first.stream.kind === "logits" ? 0 : 0.5;
  const sources = cursors.map((cursor) => sourceOf(cursor, labels));
  await Promise.all(
    splitRange(to - from, pool.size).map((part) => {
      const slices = { from: from + part.from, to: from + part.to };
      return sources.length === 1
        ? pool.run("exportSlices", { ...sources[0]!, ...common, regionThreshold, slices })
        : pool.run("ensembleSlices", { sources, ...common, slices });
    }),
  );
}

async function writeProbabilities(
  cursors: NonEmpty<SlabCursor>,
  { from, to }: SliceRange,
  { labels, pool, probabilities }: ExportOptions,
): Promise<void> {
  const [first] = cursors;
  const { heads } = first.stream;
  const planeBytes = heads * first.tables[1].lower.length * first.tables[2].lower.length * 4;
  const output = new Float32Array(new SharedArrayBuffer(planeBytes));
  const sources = cursors.map((cursor) => sourceOf(cursor, labels));
  for (let z = from; z < to; z++) {
    await pool.run("probabilitySlice", { sources, z, output });
    await probabilities!.writeSlice(z, output);
  }
}

function sourceOf({ stream, window, tables }: SlabCursor, labels: LabelDefinition): ProbabilitySource {
  const isProbability = stream.kind === "probabilities";
  return {
    window: window!,
    heads: stream.heads,
    tables,
    networkRows: stream.sizeZyx[1],
    networkColumns: stream.sizeZyx[2],
    nonlinearity: isProbability ? "none" : labels.regionsClassOrder === null ? "softmax" : "sigmoid",
  };
}
