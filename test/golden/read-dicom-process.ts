import { strictReading } from "../../processor/contract/dicom-settings.js";
import type { ProcessorError } from "../../processor/contract/errors.js";
import { readDicomSeries } from "../../processor/imaging/dicom/read-dicom-series.js";

/** Reads the series in a folder, and prints the code of the refusal and the peak of this process's memory. */
const [folder] = process.argv.slice(2);
const code = await readDicomSeries(folder!, strictReading, new AbortController().signal).then(
  () => "accepted",
  (error: ProcessorError) => error.code ?? String(error),
);
console.log(JSON.stringify({ code, peakBytes: process.resourceUsage().maxRSS * 1024 }));
