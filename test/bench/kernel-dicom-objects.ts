/** Writes the results of a body of 25 organs: `kernel-dicom-objects.js KIND FILE`. Prints the seconds. */
import { metadataOfLabels } from "../../processor/dicom-objects/metadata-of-labels.js";
import { writeRtStructureSet } from "../../processor/dicom-objects/write-rt-structure-set.js";
import {
  writeBinarySegmentation,
  writeLabelMapSegmentation,
} from "../../processor/dicom-objects/write-segmentation.js";
import { testDefaults } from "../support/dicom/golden-objects.js";
import { bodyOrgans, bodySeries, organCount } from "./synthetic-organs.js";

const kinds = {
  binary: writeBinarySegmentation,
  "label-map": writeLabelMapSegmentation,
  "structure-set": writeRtStructureSet,
};

const [kind, path] = process.argv.slice(2) as [keyof typeof kinds, string];
const series = bodySeries();
const labelMap = bodyOrgans(series);
const labels = Array.from({ length: organCount }, (_, i) => ({ label: i + 1, name: `organ ${i + 1}` }));
const metadata = metadataOfLabels(labels, testDefaults);
const begun = performance.now();
await kinds[kind](path, labelMap, { series, metadata, modelId: "phantom" });
console.log(JSON.stringify({ seconds: (performance.now() - begun) / 1000 }));
