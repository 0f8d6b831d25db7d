import type { DicomPeer } from "../dicom/dimse/sender.js";

/** How a server exchanges DICOM objects. */
export interface DicomServeSettings {
  /** Null to receive nothing by C-STORE. */
  readonly port: number | null;
  readonly aeTitle: string;
  /** Null for anybody. */
  readonly acceptedAes: readonly string[] | null;
  readonly peers: ReadonlyMap<string, DicomPeer>;
  readonly seriesQuietMs: number;
  readonly keptStudiesMs: number;
  readonly maxStoreBytes: number;
}

/** Reads values by the name of their flag. */
interface FlagReader {
  text(name: string): string | null;
  list(name: string): readonly string[];
  port(name: string): number | null;
  duration(name: string): number;
  bytes(name: string): number | null;
}

/** Reads the flags about DICOM, and adds their faults. */
export function dicomSettings(read: FlagReader, faults: string[]): DicomServeSettings {
  const port = read.port("dicom-port");
  const accepted = read.list("accept-ae");
  const aeTitle = read.text("ae-title")!;
  if (!isAeTitle(aeTitle))
    faults.push(`--ae-title must have 1 to 16 letters, digits or signs, but is ${aeTitle}`);
  if (port !== null && accepted.length === 0)
    faults.push("--dicom-port needs --accept-ae: the names that may send, or * for anybody");
  if (port === null && accepted.length > 0) faults.push("--accept-ae has no effect without --dicom-port");
  return {
    port,
    aeTitle,
    acceptedAes: accepted.includes("*") ? null : accepted,
    peers: peersOf(read.list("dicom-peer"), faults),
    seriesQuietMs: read.duration("series-quiet"),
    keptStudiesMs: read.duration("keep-studies"),
    maxStoreBytes: read.bytes("max-studies")!,
  };
}

/** Printable ASCII without a backslash (PS3.5, 6.2, AE). */
const isAeTitle = (text: string): boolean => /^[\x20-\x5b\x5d-\x7e]{1,16}$/.test(text) && text.trim() !== "";

function peersOf(words: readonly string[], faults: string[]): ReadonlyMap<string, DicomPeer> {
  const peers = new Map<string, DicomPeer>();
  for (const word of words) {
    const [, name = "", aeTitle = "", host = "", port = ""] =
      /^([\w.-]{1,64})=([^@]+)@(.+):(\d{1,5})$/.exec(word) ?? [];
    if (name === "" || !isAeTitle(aeTitle) || Number(port) > 65_535)
      faults.push(`--dicom-peer must be NAME=AE@HOST:PORT, but is ${word}`);
    else peers.set(name, { aeTitle, host, port: Number(port) });
  }
  return peers;
}
