/** Runs in its own process, whose memory is measured from outside: preprocesses a synthetic CT and prints the seconds. */
import { writeFileSync } from "node:fs";
import type { InferencePlan } from "../../processor/contract/manifest.js";
import { identityDirection } from "../../processor/imaging/volume/geometry.js";
import { preprocess } from "../../processor/runtime/preprocess/preprocess.js";
import { openPool } from "../../processor/runtime/threads/open-pool.js";
import { ctSizeZyx, ctSpacingMmZyx, syntheticCt, targetSpacingMm } from "./synthetic-volumes.js";

const [outFile] = process.argv.slice(2);
const resampling = { method: "spline", order: 3, orderZ: 0, forceSeparateZ: null } as const;
const plan: InferencePlan = {
  dimensions: 3,
  patchSize: [128, 128, 128],
  spacingMm: [targetSpacingMm, targetSpacingMm, targetSpacingMm],
  transposeForward: [0, 1, 2],
  transposeBackward: [0, 1, 2],
  normalization: [
    {
      scheme: "CTNormalization",
      useMask: false,
      intensity: { mean: 100, std: 150, percentile005: -900, percentile995: 400 },
    },
  ],
  normalizeFirst: true,
  resampleData: resampling,
  resampleSegmentation: { ...resampling, order: 1 },
  resampleProbabilities: { ...resampling, order: 1 },
  averaging: "logits",
  gaussianForSingleWindow: true,
  mirrorAxes: [],
  imageReader: "SimpleITKIO",
  fileEnding: ".nii.gz",
};
const pool = openPool();
const channels = syntheticCt(ctSizeZyx);
const start = performance.now();
const prepared = await preprocess(
  {
    channels,
    channelCount: 1,
    geometry: {
      sizeZyx: ctSizeZyx,
      spacingMmZyx: ctSpacingMmZyx,
      originMmXyz: [0, 0, 0],
      directionXyz: identityDirection,
      dimensions: 3,
    },
    source: { path: "", format: "nifti", nifti: null },
  },
  {
    plan,
    labels: { names: [], foregroundLabels: [], regionsClassOrder: null, ignoreLabel: null },
    previousStage: null,
    pool,
  },
);
const seconds = (performance.now() - start) / 1000;
if (outFile !== undefined) writeFileSync(outFile, new Uint8Array(prepared.data.buffer));
console.log(
  JSON.stringify({ seconds, sizeZyx: prepared.sizeZyx, megabytes: process.resourceUsage().maxRSS / 1e3 }),
);
await pool.close();
