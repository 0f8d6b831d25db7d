import { ownEntry } from "../../contract/own-entry.js";
/** What the objects of a SOP class are, for a reader of volumes. */
export type SopClassKind =
  | "cross-section"
  | "multi-frame"
  | "secondary-capture"
  | "projection"
  | "segmentation"
  | "not-an-image"
  | "unsupported";

const storage = "1.2.840.10008.5.1.4.1.1.";

const kinds: Readonly<Record<string, SopClassKind>> = {
  /** CT, MR, PET. */
  "2": "cross-section",
  "4": "cross-section",
  "128": "cross-section",
  /** Enhanced and Legacy Converted Enhanced CT, MR, PET. */
  "2.1": "multi-frame",
  "2.2": "multi-frame",
  "4.1": "multi-frame",
  "4.4": "multi-frame",
  "130": "multi-frame",
  "128.1": "multi-frame",
  "7": "secondary-capture",
  /** CR; DX and MG for presentation and for processing. */
  "1": "projection",
  "1.1": "projection",
  "1.1.1": "projection",
  "1.2": "projection",
  "1.2.1": "projection",
  "66.4": "segmentation",
  "66.7": "segmentation",
  /** Spectroscopy, raw data, registrations, fiducials, surfaces, real-world values. */
  "4.2": "not-an-image",
  "66": "not-an-image",
  "66.1": "not-an-image",
  "66.2": "not-an-image",
  "66.3": "not-an-image",
  "66.5": "not-an-image",
  "66.6": "not-an-image",
  "67": "not-an-image",
  /** RT structure set, plan and treatment records. RT dose and RT image have pixels. */
  "481.3": "not-an-image",
  "481.4": "not-an-image",
  "481.5": "not-an-image",
  "481.6": "not-an-image",
  "481.7": "not-an-image",
  "481.8": "not-an-image",
  "481.9": "not-an-image",
};

/** Waveforms, presentation states, structured reports, encapsulated documents. */
const familiesWithoutImages = ["9.", "11.", "88.", "104."];

/** Returns what a SOP class is. */
export function sopClassKind(uid: string): SopClassKind {
  if (!uid.startsWith(storage)) return "unsupported";
  const rest = uid.slice(storage.length);
  const kind = ownEntry(kinds, rest);
  if (kind !== undefined) return kind;
  return familiesWithoutImages.some((family) => rest.startsWith(family)) ? "not-an-image" : "unsupported";
}
