/** Runs in its own process, whose memory is measured from outside: exports 25 classes and prints the seconds. */

import { once } from "node:events";
import { createWriteStream, writeFileSync } from "node:fs";
import type { InferencePlan } from "../../processor/contract/manifest.js";
import { identityDirection } from "../../processor/imaging/volume/geometry.js";
import type { LogitSlab } from "../../processor/runtime/inference/logit-slab.js";
import { exportLabels } from "../../processor/runtime/postprocess/export-labels.js";
import { openPool } from "../../processor/runtime/threads/open-pool.js";
import {
  ctSizeZyx,
  ctSpacingMmZyx,
  exportHeads,
  fillSyntheticLogits,
  networkSizeZyx,
  targetSpacingMm,
} from "./synthetic-volumes.js";

const [labelFile, logitFile] = process.argv.slice(2);
const slabSlices = 32;
const [slices, rows, columns] = networkSizeZyx;
const sliceValues = exportHeads * rows * columns;
const keep = logitFile === undefined ? null : createWriteStream(logitFile);

let making = 0;
const pool = openPool();
const resampling = { method: "spline", order: 1, orderZ: 0, forceSeparateZ: null } as const;
const start = performance.now();
const source = {
  stream: { heads: exportHeads, sizeZyx: networkSizeZyx, kind: "logits", slabs: slabs() },
  history: {
    originalGeometry: {
      sizeZyx: ctSizeZyx,
      spacingMmZyx: ctSpacingMmZyx,
      originMmXyz: [0, 0, 0],
      directionXyz: identityDirection,
      dimensions: 3,
    },
    sizeBeforeCroppingZyx: ctSizeZyx,
    cropBoxZyx: [
      [0, ctSizeZyx[0]],
      [0, ctSizeZyx[1]],
      [0, ctSizeZyx[2]],
    ],
    sizeAfterCroppingZyx: ctSizeZyx,
    originalSpacingMmZyx: ctSpacingMmZyx,
    networkSpacingMmZyx: [targetSpacingMm, targetSpacingMm, targetSpacingMm],
  },
  plan: { transposeForward: [0, 1, 2], resampleProbabilities: resampling } as unknown as InferencePlan,
} as const;
const labels = {
  names: [],
  foregroundLabels: Array.from({ length: exportHeads - 1 }, (_, i) => i + 1),
  regionsClassOrder: null,
  ignoreLabel: null,
};
const labelMap = await exportLabels([source], { labels, pool, probabilities: null });
const seconds = (performance.now() - start) / 1000 - making;
if (labelFile !== undefined) writeFileSync(labelFile, Uint8Array.from(labelMap.voxels));
console.log(JSON.stringify({ seconds, megabytes: process.resourceUsage().maxRSS / 1e3 }));
if (keep !== null) {
  keep.end();
  await once(keep, "close");
}
await pool.close();

/** Yields slabs as the sliding window does. The time for making them is not counted. */
async function* slabs(): AsyncGenerator<LogitSlab> {
  const buffer = new SharedArrayBuffer(slabSlices * sliceValues * 4);
  for (let zStart = 0; zStart < slices; zStart += slabSlices) {
    const begun = performance.now();
    const count = Math.min(slabSlices, slices - zStart);
    const values = new Float32Array(buffer, 0, count * sliceValues);
    for (let i = 0; i < count; i++) {
      const slice = values.subarray(i * sliceValues, (i + 1) * sliceValues);
      fillSyntheticLogits(slice, { z: zStart + i, heads: exportHeads, sizeZyx: networkSizeZyx });
    }
    if (keep !== null && !keep.write(Uint8Array.from(new Uint8Array(buffer, 0, count * sliceValues * 4))))
      await once(keep, "drain");
    making += (performance.now() - begun) / 1000;
    yield { zStart, sizeZyx: [count, rows, columns], heads: exportHeads, values, kind: "logits" };
  }
}
