import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { SourceSeries } from "../../../processor/dicom-objects/source-series.js";
import type { DicomSlice } from "../../../processor/imaging/dicom/dicom-series.js";
import type { Direction } from "../../../processor/imaging/volume/geometry.js";
import { type ReadItem, readObject } from "./read-object.js";

/** Reads what a result refers to, without the pixels, in a few lines of its own. */
export function goldenSeries(folder: string): SourceSeries {
  const files = readdirSync(folder)
    .sort()
    .map((name) => ({ path: join(folder, name), dataSet: readObject(join(folder, name)) }));
  const planes = files.flatMap(({ path, dataSet }) =>
    planesOf(dataSet).map((plane) => ({ path, dataSet, ...plane })),
  );
  const [r0, r1, r2, c0, c1, c2] = planes[0]!.orientation as [number, number, number, number, number, number];
  const row = normalized([r0, r1, r2]);
  const column = normalized([c0, c1, c2]);
  const normal = [
    row[1]! * column[2]! - row[2]! * column[1]!,
    row[2]! * column[0]! - row[0]! * column[2]!,
    row[0]! * column[1]! - row[1]! * column[0]!,
  ];
  const along = (position: readonly number[]): number =>
    position.reduce((sum, value, i) => sum + value * normal[i]!, 0);
  planes.sort((a, b) => along(a.position) - along(b.position));
  const [first, last] = [planes[0]!, planes.at(-1)!];
  const steps = planes.length - 1;
  const spacingZ =
    steps === 0
      ? first.dataSet.number("SliceThickness")
      : (along(last.position) - along(first.position)) / steps;
  const [spacingY, spacingX] = first.spacing as [number, number];
  const file = first.dataSet;
  return {
    reference: {
      studyInstanceUid: file.text("StudyInstanceUID")!,
      seriesInstanceUid: file.text("SeriesInstanceUID")!,
      frameOfReferenceUid: file.text("FrameOfReferenceUID"),
      modality: file.text("Modality")!,
      isLossy: false,
      slices: planes.map(
        ({ path, dataSet, frameNumber, position }): DicomSlice => ({
          path,
          sopClassUid: dataSet.text("SOPClassUID")!,
          sopInstanceUid: dataSet.text("SOPInstanceUID")!,
          frameNumber,
          positionPatientMm: position as unknown as DicomSlice["positionPatientMm"],
        }),
      ),
      firstFile: { path: first.path, dataSet: file },
    },
    geometry: {
      sizeZyx: [planes.length, file.number("Rows"), file.number("Columns")],
      spacingMmZyx: [spacingZ, spacingY, spacingX],
      originMmXyz: first.position as [number, number, number],
      directionXyz: [0, 1, 2].flatMap((i) => [row[i]!, column[i]!, normal[i]!]) as unknown as Direction,
      dimensions: 3,
    },
  };
}

interface Plane {
  readonly frameNumber: number | null;
  readonly position: readonly number[];
  readonly orientation: readonly number[];
  readonly spacing: readonly number[];
}

function planesOf(dataSet: ReadItem): readonly Plane[] {
  const frames = dataSet.list("PerFrameFunctionalGroupsSequence");
  if (frames.length === 0)
    return [
      {
        frameNumber: null,
        position: dataSet.numbers("ImagePositionPatient"),
        orientation: dataSet.numbers("ImageOrientationPatient"),
        spacing: dataSet.numbers("PixelSpacing"),
      },
    ];
  const shared = dataSet.first("SharedFunctionalGroupsSequence");
  return frames.map((frame, i) => ({
    frameNumber: i + 1,
    position: frame.first("PlanePositionSequence").numbers("ImagePositionPatient"),
    orientation: (
      frame.first("PlaneOrientationSequence") ?? shared.first("PlaneOrientationSequence")
    ).numbers("ImageOrientationPatient"),
    spacing: (frame.first("PixelMeasuresSequence") ?? shared.first("PixelMeasuresSequence")).numbers(
      "PixelSpacing",
    ),
  }));
}

function normalized(vector: readonly number[]): readonly number[] {
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}
