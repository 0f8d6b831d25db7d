import { ownEntry } from "../../contract/own-entry.js";
import type { Encoding } from "./scan-elements.js";

export type Codec = "none" | "rle" | "jpeg" | "jpeg-ls" | "jpeg-2000" | "htj2k";

/** How a file's data set and its pixels are written (PS3.5, 10 and annex A). */
export interface TransferSyntax extends Encoding {
  readonly uid: string;
  readonly isDeflated: boolean;
  /** Null for a syntax whose pixels can't be read. */
  readonly codec: Codec | null;
  /** `maybe` if the syntax allows both; then LossyImageCompression decides. */
  readonly isLossy: boolean | "maybe";
}

const explicitLittleEndian = { isExplicit: true, isBigEndian: false, isDeflated: false };
const lossless = { ...explicitLittleEndian, isLossy: false } as const;
const lossy = { ...explicitLittleEndian, isLossy: true } as const;
const either = { ...explicitLittleEndian, isLossy: "maybe" } as const;

const table: Readonly<Record<string, Omit<TransferSyntax, "uid">>> = {
  "1.2.840.10008.1.2": { ...lossless, isExplicit: false, codec: "none" },
  "1.2.840.10008.1.2.1": { ...lossless, codec: "none" },
  "1.2.840.10008.1.2.1.99": { ...lossless, isDeflated: true, codec: "none" },
  "1.2.840.10008.1.2.2": { ...lossless, isBigEndian: true, codec: "none" },
  "1.2.840.10008.1.2.4.50": { ...lossy, codec: "jpeg" },
  "1.2.840.10008.1.2.4.51": { ...lossy, codec: "jpeg" },
  "1.2.840.10008.1.2.4.57": { ...lossless, codec: "jpeg" },
  "1.2.840.10008.1.2.4.70": { ...lossless, codec: "jpeg" },
  "1.2.840.10008.1.2.4.80": { ...lossless, codec: "jpeg-ls" },
  "1.2.840.10008.1.2.4.81": { ...lossy, codec: "jpeg-ls" },
  "1.2.840.10008.1.2.4.90": { ...lossless, codec: "jpeg-2000" },
  "1.2.840.10008.1.2.4.91": { ...either, codec: "jpeg-2000" },
  "1.2.840.10008.1.2.4.201": { ...lossless, codec: "htj2k" },
  "1.2.840.10008.1.2.4.202": { ...lossless, codec: "htj2k" },
  "1.2.840.10008.1.2.4.203": { ...either, codec: "htj2k" },
  "1.2.840.10008.1.2.5": { ...lossless, codec: "rle" },
};

/** Returns what a UID stands for. An unknown syntax is in explicit VR little endian, as every one since 1995. */
export const transferSyntaxOf = (uid: string): TransferSyntax => ({
  uid,
  ...(ownEntry(table, uid) ?? { ...lossless, codec: null }),
});

export const implicitLittleEndian = transferSyntaxOf("1.2.840.10008.1.2");
export const plainExplicit = transferSyntaxOf("1.2.840.10008.1.2.1");
