/** Runs in its own process: removes all but the largest component in a worker, and prints the seconds that this takes. */

import { writeFileSync } from "node:fs";
import { openPool } from "../../processor/runtime/threads/open-pool.js";
import { componentLabels, componentSizeZyx, syntheticLabels } from "./synthetic-labels.js";

const [before, after] = process.argv.slice(2);
const voxels = syntheticLabels(componentSizeZyx);
if (before !== undefined) writeFileSync(before, Uint8Array.from(voxels));
const pool = openPool(1);
const start = performance.now();
const removed = await pool.run("keepLargestComponent", {
  ...{ voxels, sizeZyx: componentSizeZyx, labels: componentLabels },
  ...{ connectivity: 26, sparing: null },
});
const seconds = (performance.now() - start) / 1000;
if (after !== undefined) writeFileSync(after, Uint8Array.from(voxels));
console.log(JSON.stringify({ seconds, ...removed }));
await pool.close();
