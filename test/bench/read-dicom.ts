import { createHash } from "node:crypto";
import { strictReading } from "../../processor/contract/dicom-settings.js";
import { readDicomSeries } from "../../processor/imaging/dicom/read-dicom-series.js";

/** Reads the series in a folder, and prints the seconds and the SHA-256 of the voxels. */
const start = performance.now();
const { voxels } = await readDicomSeries(process.argv[2]!, strictReading, new AbortController().signal);
const seconds = (performance.now() - start) / 1000;
const hash = createHash("sha256");
const chunk = 1 << 24;
for (let at = 0; at < voxels.length; at += chunk) hash.update(voxels.slice(at, at + chunk));
console.log(JSON.stringify({ seconds, sha256: hash.digest("hex") }));
