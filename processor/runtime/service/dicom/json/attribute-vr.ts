import { elements } from "../../../../dicom-objects/elements.js";

/**
 * Attributes of images that results do not have, with their value representations (PS3.6). A file in implicit VR does not
 * say them; its other attributes are sent as bytes of an unknown kind.
 */
const ofImages: readonly (readonly [keyword: string, tag: number, vr: string])[] = [
  ["ModalitiesInStudy", 0x00080061, "CS"],
  ["StationName", 0x00081010, "SH"],
  ["ReferencedStudySequence", 0x00081110, "SQ"],
  ["ReferencedImageSequence", 0x00081140, "SQ"],
  ["ContrastBolusAgent", 0x00180010, "LO"],
  ["ScanningSequence", 0x00180020, "CS"],
  ["SequenceVariant", 0x00180021, "CS"],
  ["ScanOptions", 0x00180022, "CS"],
  ["MRAcquisitionType", 0x00180023, "CS"],
  ["SequenceName", 0x00180024, "SH"],
  ["KVP", 0x00180060, "DS"],
  ["RepetitionTime", 0x00180080, "DS"],
  ["EchoTime", 0x00180081, "DS"],
  ["EchoNumbers", 0x00180086, "IS"],
  ["MagneticFieldStrength", 0x00180087, "DS"],
  ["ProtocolName", 0x00181030, "LO"],
  ["TriggerTime", 0x00181060, "DS"],
  ["GantryDetectorTilt", 0x00181120, "DS"],
  ["ImagerPixelSpacing", 0x00181164, "DS"],
  ["ConvolutionKernel", 0x00181210, "SH"],
  ["FlipAngle", 0x00181314, "DS"],
  ["PatientPosition", 0x00185100, "CS"],
  ["AcquisitionNumber", 0x00200012, "IS"],
  ["TemporalPositionIdentifier", 0x00200100, "IS"],
  ["NumberOfTemporalPositions", 0x00200105, "IS"],
  ["ImagesInAcquisition", 0x00201002, "IS"],
  ["SliceLocation", 0x00201041, "DS"],
  ["NumberOfStudyRelatedSeries", 0x00201206, "IS"],
  ["NumberOfStudyRelatedInstances", 0x00201208, "IS"],
  ["NumberOfSeriesRelatedInstances", 0x00201209, "IS"],
  ["PlanarConfiguration", 0x00280006, "US"],
  ["WindowCenter", 0x00281050, "DS"],
  ["WindowWidth", 0x00281051, "DS"],
  ["RescaleIntercept", 0x00281052, "DS"],
  ["RescaleSlope", 0x00281053, "DS"],
  ["RescaleType", 0x00281054, "LO"],
  ["PerformedProcedureStepStartDate", 0x00400244, "DA"],
  ["PerformedProcedureStepStartTime", 0x00400245, "TM"],
  ["RequestAttributesSequence", 0x00400275, "SQ"],
  ["Units", 0x00541001, "CS"],
];

const known = [
  ...Object.entries(elements).map(([keyword, [tag, vr]]) => [keyword, tag, vr] as const),
  ...ofImages,
];

const vrs = new Map(known.map(([, tag, vr]) => [tag, vr]));
const tagsByKeyword = new Map(known.map(([keyword, tag]) => [keyword, tag]));

/** Returns the value representation of an attribute; null for one that is not known here. */
export const vrOf = (tag: number): string | null => vrs.get(tag) ?? null;

/** Returns the tag that a query names by keyword or eight hexadecimal digits; null for none. */
export function tagOfName(name: string): number | null {
  if (/^[0-9A-Fa-f]{8}$/.test(name)) return Number.parseInt(name, 16);
  return tagsByKeyword.get(name) ?? null;
}
