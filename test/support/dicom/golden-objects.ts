import { readFileSync } from "node:fs";
import { join } from "node:path";
import { strictReading } from "../../../processor/contract/dicom-settings.js";
import { parseChecked } from "../../../processor/contract/parse-checked.js";
import type { ObjectContext, Written } from "../../../processor/dicom-objects/object-context.js";
import { metadataOfBands, probabilityBands } from "../../../processor/dicom-objects/probability-bands.js";
import { inlineMetadata, metadataOfNames } from "../../../processor/dicom-objects/read-inline.js";
import { metadataOfTemplate, segmentationTemplate } from "../../../processor/dicom-objects/read-template.js";
import type {
  MetadataDefaults,
  ObjectMetadata,
  Rgb,
} from "../../../processor/dicom-objects/segment-metadata.js";
import type { SourceSeries } from "../../../processor/dicom-objects/source-series.js";
import {
  storedProbability,
  writeFractionalSegmentation,
} from "../../../processor/dicom-objects/write-fractional.js";
import { writeRtStructureSet } from "../../../processor/dicom-objects/write-rt-structure-set.js";
import {
  writeBinarySegmentation,
  writeLabelMapSegmentation,
  writeOverlappingSegmentation,
} from "../../../processor/dicom-objects/write-segmentation.js";
import { readDicomSeries } from "../../../processor/imaging/dicom/read-dicom-series.js";
import { readImage } from "../../../processor/imaging/formats/read-image.js";
import { readLabelMap } from "../../../processor/imaging/formats/read-label-map.js";
import type { LabelMap } from "../../../processor/imaging/volume/label-map.js";
import { goldenPath } from "../golden.js";
import { neverStopped } from "../never-stopped.js";

/** A case of test/golden/dicom/seg. */
export interface SegmentationCase {
  readonly case: string;
  readonly source: string;
  readonly labels?: string;
  readonly masks?: readonly string[];
  readonly probabilities?: readonly string[];
  readonly metadata?: string;
  readonly inline?: string;
  readonly segmentationType: "BINARY" | "FRACTIONAL" | "LABELMAP";
  readonly outcome: "accept" | "refuse" | "empty" | "empty-template" | "either";
  readonly refusal?: string;
  readonly expected?: {
    readonly presentLabels: readonly number[];
    readonly segmentNumbers: Readonly<Record<string, number>>;
    readonly voxelsPerLabel: Readonly<Record<string, number>>;
    readonly frames: readonly (readonly [segment: number, z: number])[];
    readonly pixelBytes: number;
  };
  readonly segments?: readonly {
    readonly number: number;
    readonly label: string;
    readonly trackingId: string;
    readonly category: { readonly value: string; readonly scheme: string; readonly meaning: string };
    readonly type: { readonly value: string; readonly scheme: string; readonly meaning: string };
    readonly modifier: { readonly value: string; readonly scheme: string; readonly meaning: string } | null;
  }[];
}

export const testDefaults: MetadataDefaults = {
  equipment: {
    manufacturer: "nnunet-processor",
    modelName: "Phantom",
    deviceSerialNumber: "504",
    softwareVersions: "0.1.0",
  },
  algorithmName: "Phantom",
};

export const caseFolder = (family: "seg" | "rtstruct", name: string): string =>
  goldenPath("dicom", family, name);

async function readSource(folder: string): Promise<SourceSeries> {
  const series = await readDicomSeries(folder, strictReading, neverStopped());
  return { reference: series, geometry: series.geometry };
}

const json = <T>(folder: string, name: string): T =>
  JSON.parse(readFileSync(join(folder, name), "utf8")) as T;

export const segmentationCase = (name: string): SegmentationCase =>
  json(caseFolder("seg", name), "expected.json");

/** Writes the object of a case in the way that its type says. */
export async function writeGoldenSegmentation(
  found: SegmentationCase,
  path: string,
  forms: Pick<ObjectContext, "keepsEmptyFrames" | "uids"> = {},
): Promise<Written> {
  const folder = caseFolder("seg", found.case);
  const series = await readSource(join(folder, found.source));
  const context = { series, metadata: metadataOfCase(found, folder), modelId: "phantom", ...forms };
  const labelMap = (name: string): Promise<LabelMap> => readLabelMap(join(folder, name), series.geometry);
  if (found.probabilities !== undefined) {
    const volumes = await Promise.all(found.probabilities.map((name) => probabilitiesOf(join(folder, name))));
    return writeFractionalSegmentation(
      path,
      {
        labels: volumes.map((_, i) => i + 1),
        volume: async (i) => Uint8Array.from(volumes[i]!, storedProbability),
      },
      context,
    );
  }
  if (found.masks !== undefined) {
    const masks = await Promise.all(found.masks.map(labelMap));
    return writeOverlappingSegmentation(
      path,
      masks.map((mask, i) => ({ label: i + 1, mask })),
      context,
    );
  }
  const labels = await labelMap(found.labels!);
  if (found.outcome === "empty-template") labels.voxels[0] = 1;
  return found.segmentationType === "LABELMAP"
    ? writeLabelMapSegmentation(path, labels, context)
    : writeBinarySegmentation(path, labels, context);
}

/** Writes the probabilities of the case `fractional` as ten binary segments. */
export async function writeGoldenBands(path: string): Promise<void> {
  const found = segmentationCase("fractional");
  const folder = caseFolder("seg", found.case);
  const series = await readSource(join(folder, found.source));
  const metadata = metadataOfCase(found, folder);
  const probabilities = await probabilitiesOf(join(folder, found.probabilities![0]!));
  const labelMap = { voxels: probabilityBands(probabilities), geometry: series.geometry };
  await writeBinarySegmentation(path, labelMap, {
    series,
    metadata: metadataOfBands(metadata),
    modelId: "phantom",
  });
}

export async function probabilitiesOf(path: string): Promise<Float32Array> {
  const { voxels } = await readImage(path);
  return voxels as Float32Array;
}

function metadataOfCase({ metadata, inline }: SegmentationCase, folder: string): ObjectMetadata {
  const invalid = (reason: string): Error => new Error(`${folder} ${reason}`);
  const text = readFileSync(join(folder, metadata ?? inline!), "utf8");
  return metadata === undefined
    ? metadataOfNames(parseChecked(text, inlineMetadata, invalid), testDefaults, folder)
    : metadataOfTemplate(parseChecked(text, segmentationTemplate, invalid), testDefaults);
}

export interface StructureSetCase {
  readonly case: string;
  readonly source: string;
  readonly outcome: "accept" | "empty";
  readonly voxels?: Readonly<Record<string, number>>;
  readonly rois: readonly {
    readonly number: number;
    readonly label: number;
    readonly name: string;
    readonly rgb: Rgb;
  }[];
}

export function structureSetCase(name: string): StructureSetCase {
  const folder = caseFolder("rtstruct", name);
  return {
    ...json<StructureSetCase>(folder, "expected.json"),
    ...json<Pick<StructureSetCase, "rois">>(folder, "rois.json"),
  };
}

/** Writes the structure set of a case, with the names and colours of its rois.json. */
export async function writeGoldenStructureSet(found: StructureSetCase, path: string): Promise<Written> {
  const folder = caseFolder("rtstruct", found.case);
  const series = await readSource(join(folder, found.source));
  const labelMap = await readLabelMap(join(folder, "labels.nii.gz"), series.geometry);
  const code = { CodeValue: "85756007", CodingSchemeDesignator: "SCT", CodeMeaning: "Tissue" };
  const template = {
    segmentAttributes: [
      found.rois.map(({ label, name, rgb }) => ({
        labelID: label,
        SegmentLabel: name,
        SegmentedPropertyCategoryCodeSequence: code,
        SegmentedPropertyTypeCodeSequence: code,
        recommendedDisplayRGBValue: rgb,
      })),
    ],
  };
  const metadata = metadataOfTemplate(segmentationTemplate.read(template, ""), testDefaults);
  return writeRtStructureSet(path, labelMap, { series, metadata, modelId: "phantom" });
}
