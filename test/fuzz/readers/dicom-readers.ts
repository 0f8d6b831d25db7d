import { join } from "node:path";
import { strictReading } from "../../../processor/contract/dicom-settings.js";
import { checkSeries } from "../../../processor/imaging/dicom/check-series.js";
import { chooseSeries } from "../../../processor/imaging/dicom/choose-series.js";
import { chooseVolume } from "../../../processor/imaging/dicom/choose-volume.js";
import type { DecodePool } from "../../../processor/imaging/dicom/decode-pool.js";
import { decodeStack, newFloats } from "../../../processor/imaging/dicom/decode-stack.js";
import { textOf } from "../../../processor/imaging/dicom/element-text.js";
import { decodeSlices } from "../../../processor/imaging/dicom/pixels/decode-slice.js";
import { readDicomSeries } from "../../../processor/imaging/dicom/read-dicom-series.js";
import { scanFiles } from "../../../processor/imaging/dicom/scan-files.js";
import { stackSlices } from "../../../processor/imaging/dicom/slice-geometry.js";
import { tags } from "../../../processor/imaging/dicom/tags.js";
import type { Geometry } from "../../../processor/imaging/volume/geometry.js";
import { readInstance } from "../../../processor/runtime/service/dicom/store/read-instance.js";
import { framesBody, metadataOf } from "../../../processor/runtime/service/dicom/web/retrieve.js";
import { mutateBytes } from "../mutations/mutate.js";
import { type FuzzedReader, filesBelow, golden, require } from "./fuzzed-reader.js";

const series = join(golden, "dicom", "read");
const neverStopped = new AbortController().signal;

/** Decodes in this thread, because starting workers for each input would take longer than reading it. */
const inThisThread: DecodePool = {
  workers: 1,
  start: () => {},
  decode: decodeSlices,
  close: async () => {},
};

export const dicomReaders: Readonly<Record<string, FuzzedReader>> = {
  dicom: {
    mutation: mutateBytes,
    seeds: async () =>
      filesBelow(
        series,
        /(?:charset_|ct_single|\/deep_|big_sequence|private_tags|mr_8bit|ts_deflated|ts_explicit_be|ts_implicit|no_preamble).*\/(?:IM0001\.dcm|S00)$|enhanced_ct\/input\/ect\.dcm$|enhanced_mr_slope_per_frame\/input\/emr\.dcm$/,
      ),
    read: async ({ file }) => {
      const { voxels, geometry, firstFile } = await readDicomSeries(file, strictReading, neverStopped);
      checkVolume(voxels, geometry);
      for (const tag of [tags.PatientName, tags.SeriesDescription]) textOf(firstFile.dataSet, tag);
    },
  },
  "dicom-compressed": {
    mutation: mutateBytes,
    seeds: async () =>
      filesBelow(
        series,
        /ts_(?:rle|rle_signed|j2k|j2k_lossless|fragmented_j2k|htj2k_lossless|jpeg\w+|jpegls\w+)\/input\/IM0001\.dcm$|enhanced_mr_reversed_rle\/input\/emr\.dcm$/,
      ),
    read: async ({ file }) => {
      const { frames } = chooseSeries(await scanFiles([file], neverStopped), strictReading);
      checkSeries(frames);
      const stack = stackSlices(chooseVolume(frames, strictReading), strictReading);
      checkVolume(
        await decodeStack(stack, {
          options: strictReading,
          pool: inThisThread,
          signal: neverStopped,
          newVoxels: newFloats,
        }),
        stack.geometry,
      );
    },
  },
  "dicom-instance": {
    mutation: mutateBytes,
    seeds: async () => filesBelow(series, instances),
    read: async ({ file }) => {
      const facts = await readInstance(file);
      const instance = { ...facts, path: file, bytes: 0 };
      // What is stored can be described later.
      require(JSON.stringify(await metadataOf([instance])).length > 2, "a description");
      const { stream } = await framesBody(instance, [1], "*/*");
      for await (const _ of stream);
    },
  },
};

/** Files with sequences, fragments, several frames, and without value representations. */
const instances =
  /(?:ct_single|\/deep_|private_tags|ts_implicit|ts_explicit_be|ts_fragmented_j2k).*\/(?:IM0001\.dcm|S00)$|enhanced_(?:ct|mr_reversed_rle)\/input\/\w+\.dcm$/;

function checkVolume(
  voxels: Float32Array,
  { sizeZyx, spacingMmZyx, originMmXyz, directionXyz }: Geometry,
): void {
  require(voxels.length === sizeZyx[0] * sizeZyx[1] * sizeZyx[2], "as many voxels as the size says");
  require(spacingMmZyx.every((mm) => Number.isFinite(mm) && mm > 0), "spacing above 0");
  require([...originMmXyz, ...directionXyz].every(Number.isFinite), "a finite place");
}
