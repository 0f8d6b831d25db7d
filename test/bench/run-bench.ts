/**
 * `npm run bench [section …]`: compares size and speed with the real nnU-Net's, measured in the same run.
 * The sections are golden, full-size, engines, engine-windows, preprocess, export, components, dicom, convert, image, images, service, batch, tools, totalsegmentator and help. The results are
 * also written to `out/bench.json`.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { libdeflate } from "../../processor/files/libdeflate.js";
import { repositoryRoot } from "../support/golden.js";
import { benchBatch } from "./bench-batch.js";
import { benchComponents } from "./bench-components.js";
import { benchConvert } from "./bench-convert.js";
import { benchDicom } from "./bench-dicom.js";
import { benchDicomObjects } from "./bench-dicom-objects.js";
import { benchEngineWindows } from "./bench-engine-windows.js";
import { benchEngines } from "./bench-engines.js";
import { benchExport } from "./bench-export.js";
import { benchFullSize } from "./bench-full-size.js";
import { benchGolden } from "./bench-golden.js";
import { benchHelp } from "./bench-help.js";
import { benchImage } from "./bench-image.js";
import { benchImages } from "./bench-images.js";
import { benchPreprocess } from "./bench-preprocess.js";
import type { BenchRow } from "./bench-row.js";
import { benchService } from "./bench-service.js";
import { benchTools } from "./bench-tools.js";
import { benchTotalsegmentator } from "./bench-totalsegmentator.js";

const sections: Readonly<Record<string, () => Promise<readonly BenchRow[]>>> = {
  help: benchHelp,
  golden: benchGolden,
  "full-size": benchFullSize,
  engines: benchEngines,
  "engine-windows": benchEngineWindows,
  preprocess: benchPreprocess,
  export: benchExport,
  components: benchComponents,
  dicom: benchDicom,
  convert: benchConvert,
  image: benchImage,
  images: benchImages,
  service: benchService,
  batch: benchBatch,
  "dicom-objects": benchDicomObjects,
  tools: benchTools,
  totalsegmentator: benchTotalsegmentator,
};

const wanted = process.argv.slice(2);
for (const name of wanted) {
  if (!(name in sections))
    throw new Error(`no section ${name}; there are ${Object.keys(sections).join(", ")}`);
}

console.log(
  `${cpus().length} × ${cpus()[0]?.model}, ${Math.round(totalmem() / 1e9)} GB, Node ${process.version}, gzip by ${libdeflate() === null ? "zlib" : "libdeflate"}\n`,
);
const rows: BenchRow[] = [];
for (const [name, bench] of Object.entries(sections)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  for (const row of await bench()) {
    rows.push(row);
    console.log(formatRow(row));
  }
}
mkdirSync(join(repositoryRoot, "out"), { recursive: true });
writeFileSync(join(repositoryRoot, "out", "bench.json"), `${JSON.stringify(rows, null, 2)}\n`);
const missed = rows.filter((row) => !row.isReached);
console.log(`\n${rows.length - missed.length} of ${rows.length} goals reached`);

function formatRow({ what, ours, peer, goal, isReached }: BenchRow): string {
  return [
    isReached ? "  ok  " : " MISS ",
    what.padEnd(52),
    ours.padEnd(28),
    (peer ?? "").padEnd(28),
    goal,
  ].join(" ");
}
