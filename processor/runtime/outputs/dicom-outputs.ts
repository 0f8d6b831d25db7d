import { rm } from "node:fs/promises";
import { dicomObjectError } from "../../dicom-objects/errors.js";
import type { ObjectContext, Written } from "../../dicom-objects/object-context.js";
import {
  metadataOfBands,
  probabilityBands,
  probabilitySteps,
} from "../../dicom-objects/probability-bands.js";
import type { ObjectMetadata, SegmentMetadata } from "../../dicom-objects/segment-metadata.js";
import { storedProbability, writeFractionalSegmentation } from "../../dicom-objects/write-fractional.js";
import { writeRtStructureSet } from "../../dicom-objects/write-rt-structure-set.js";
import {
  writeBinarySegmentation,
  writeLabelMapSegmentation,
} from "../../dicom-objects/write-segmentation.js";
import { partialPathNextTo } from "../../files/partial-path.js";
import type { Geometry } from "../../imaging/volume/geometry.js";
import type { ImageSource } from "../../imaging/volume/image.js";
import type { LabelMap } from "../../imaging/volume/label-map.js";
import { headOnImageGrid } from "./head-on-image-grid.js";
import { openHeadsScratch } from "./heads-scratch.js";
import type {
  AnswerFacts,
  CandidateKind,
  OutputOf,
  ProbabilityKind,
  SegmentationKind,
} from "./output-kind.js";

const files = { files: (path: string) => [path], mayBeAbsent: true } as const;

export const dicomSegmentationOutput: SegmentationKind<OutputOf<"dicom-segmentation">> = {
  takes: "segmentation",
  ...files,
  write: (output, labelMap, source) =>
    writeObject(output.form === "binary" ? writeBinarySegmentation : writeLabelMapSegmentation, output, {
      labelMap,
      source,
    }),
};

export const rtStructureSetOutput: SegmentationKind<OutputOf<"rt-structure-set">> = {
  takes: "segmentation",
  ...files,
  // An empty segmentation has no borders, so no template can describe them.
  write: (output, labelMap, source) =>
    writeObject(writeRtStructureSet, { ...output, emptyMetadata: null }, { labelMap, source }),
};

export const dicomCandidatesOutput: CandidateKind<OutputOf<"dicom-candidates">> = {
  takes: "candidates",
  ...files,
  async write(output, { voxels, geometry }, source) {
    const { form, metadata } = output;
    if (form === "fractional") {
      await writeFractionalCandidates(output, { voxels, geometry, source });
      return;
    }
    const labels =
      form === "bands" ? probabilityBands(voxels) : probabilitySteps(voxels, metadata.segments.length);
    const described = form === "bands" ? { ...output, metadata: metadataOfBands(metadata) } : output;
    await writeObject(writeBinarySegmentation, described, { labelMap: { voxels: labels, geometry }, source });
  },
};

interface CandidateVolume {
  readonly voxels: Float32Array;
  readonly geometry: Geometry;
  readonly source: ImageSource;
}

async function writeFractionalCandidates(
  output: OutputOf<"dicom-candidates">,
  { voxels, geometry, source }: CandidateVolume,
): Promise<void> {
  const { path, metadata, emptyMetadata } = output;
  const context = contextOf(output, { geometry, source });
  const write = (described: ObjectMetadata, stored: Uint8Array): Promise<Written> => {
    const volumes = { labels: [described.segments[0]!.label], volume: async () => stored };
    return writeFractionalSegmentation(path, volumes, { ...context, metadata: described });
  };
  const written = await write(metadata, Uint8Array.from(voxels, storedProbability));
  if (written === "written") return;
  if (emptyMetadata === null) return await removeEarlier(path);
  const stored = new Uint8Array(voxels.length);
  stored[0] = storedProbability(1);
  await write(emptyMetadata, stored);
}

export const dicomProbabilitiesOutput: ProbabilityKind<OutputOf<"dicom-probabilities">> = {
  takes: "probabilities",
  ...files,
  async open(output, facts) {
    const { path } = output;
    const { geometry, source } = facts.image;
    const context = contextOf(output, { geometry, source });
    const heads = headsOfLabels(facts);
    if (output.form === "bands" && heads.length !== 1) throw severalLabels(path, heads.length);
    const scratch = await openHeadsScratch(`${await partialPathNextTo(path)}.scratch`, {
      path,
      heads: facts.heads,
      sizeZyx: facts.history.sizeAfterCroppingZyx,
    });
    const read = (i: number): Promise<Float32Array> => headOnImageGrid(scratch, heads[i]!.head, facts);
    return {
      writeSlice: (z, planes) => scratch.writeSlice(z, planes),
      async finish() {
        if (output.form === "bands") {
          const labelMap = { voxels: probabilityBands(await read(0)), geometry };
          const described = { ...context, metadata: metadataOfBands(context.metadata) };
          if ((await writeBinarySegmentation(path, labelMap, described)) === "empty")
            await removeEarlier(path);
          return;
        }
        const volume = async (i: number): Promise<Uint8Array> =>
          Uint8Array.from(await read(i), storedProbability);
        const volumes = { labels: heads.map(({ label }) => label), volume };
        if ((await writeFractionalSegmentation(path, volumes, context)) === "empty")
          await removeEarlier(path);
      },
      discard: () => scratch.discard(),
    };
  },
};

const severalLabels = (path: string, count: number): Error =>
  dicomObjectError(
    "DICOM_METADATA_INVALID",
    `${path}: ten segments of probability show one label, but the model has ${count}; write a fractional segmentation`,
  );

/** Returns the networks' head of each label in ascending order. A region's head has the label that it paints. */
function headsOfLabels({ labels: { regionsClassOrder, foregroundLabels } }: AnswerFacts) {
  const heads =
    regionsClassOrder === null
      ? foregroundLabels.map((label) => ({ label, head: label }))
      : regionsClassOrder.map((label, head) => ({ label, head }));
  return [...heads].sort((a, b) => a.label - b.label);
}

type Write = (path: string, labelMap: LabelMap, context: ObjectContext) => Promise<Written>;

interface DescribedOutput {
  readonly path: string;
  readonly metadata: ObjectMetadata;
  readonly emptyMetadata: ObjectMetadata | null;
  readonly modelId: string;
  readonly holes?: "rings" | "keyholes";
  readonly keepsEmptyFrames?: boolean;
  readonly uids?: "derived" | "random";
}

async function writeObject(
  write: Write,
  output: DescribedOutput,
  { labelMap, source }: { readonly labelMap: LabelMap; readonly source: ImageSource },
): Promise<void> {
  const context = contextOf(output, { ...labelMap, source });
  const written = await write(output.path, labelMap, context);
  if (written === "written") return;
  if (output.emptyMetadata === null) return await removeEarlier(output.path);
  // Only the file gets the voxel, so that viewers show that there is a result.
  const [{ label }] = output.emptyMetadata.segments as [SegmentMetadata];
  const voxels = new (label < 256 ? Uint8Array : Uint16Array)(labelMap.voxels.length);
  voxels[0] = label;
  await write(output.path, { ...labelMap, voxels }, { ...context, metadata: output.emptyMetadata });
}

/** Removes the object of an earlier run: next to an empty segmentation, it would be taken for the present answer. */
const removeEarlier = (path: string): Promise<void> => rm(path, { force: true });

/** @throws DICOM_SOURCE_NEEDED */
function contextOf(
  { path, metadata, modelId, holes = "rings", keepsEmptyFrames = false, uids = "random" }: DescribedOutput,
  { geometry, source }: { readonly geometry: Geometry; readonly source: ImageSource },
): ObjectContext {
  if (source.format === "dicom")
    return {
      series: { reference: source.series, geometry },
      metadata,
      modelId,
      holes,
      keepsEmptyFrames,
      uids,
    };
  throw dicomObjectError(
    "DICOM_SOURCE_NEEDED",
    `${path} cannot be written, because ${source.path} is not a DICOM series`,
  );
}
