import { createHash } from "node:crypto";
import { strictReading } from "../../processor/contract/dicom-settings.js";
import { readDicomSeries, readDicomSeriesAsStored } from "../../processor/imaging/dicom/read-dicom-series.js";

/**
 * Reads the series in a folder, as float32 or as it is stored, and prints the seconds, the CPU time of all threads, and the
 * SHA-256 of the voxels as float32.
 */
const [folder, type] = process.argv.slice(2);
const read = type === "stored" ? readDicomSeriesAsStored : readDicomSeries;
const usedBefore = process.cpuUsage();
const start = performance.now();
const { voxels } = await read(folder!, strictReading, new AbortController().signal);
const seconds = (performance.now() - start) / 1000;
const { user, system } = process.cpuUsage(usedBefore);
const hash = createHash("sha256");
const chunk = 1 << 24;
for (let at = 0; at < voxels.length; at += chunk)
  hash.update(Float32Array.from(voxels.subarray(at, at + chunk)));
console.log(JSON.stringify({ seconds, cpuSeconds: (user + system) / 1e6, sha256: hash.digest("hex") }));
