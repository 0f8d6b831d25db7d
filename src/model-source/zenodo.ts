import { type Checked, count, listOf, record, text } from "../../processor/contract/json-check.js";
import { nearest } from "../../processor/contract/nearest-name.js";
import { checkedOrNull } from "../../processor/contract/parse-checked.js";
import type { Digest } from "../download/file-digest.js";
import type { HttpClient } from "../download/http-client.js";
import { builderError } from "../ground/errors/builder-errors.js";

export const zenodoUrl = new URL("https://zenodo.org/");

/**
 * An address such as `zenodo:4003545/Task004_Hippocampus.zip`. Without a file name it means the record's only
 * zip.
 */
export interface ZenodoAddress {
  readonly record: string;
  readonly fileName: string | null;
}

/** A file as its record describes it. */
export interface ZenodoFile {
  readonly name: string;
  readonly size: number;
  /** Zenodo publishes MD5. */
  readonly digest: Digest;
  readonly url: URL;
}

const recordFile = record({ key: text, size: count, checksum: text });

type RecordFile = Checked<typeof recordFile>;

const recordAnswer = record({ files: listOf(recordFile) });

/** @throws SOURCE_INVALID */
export function parseZenodoAddress(address: string): ZenodoAddress {
  const match = /^zenodo:(\d+)(?:\/([^/]+))?$/.exec(address);
  if (match === null)
    throw builderError("SOURCE_INVALID", `${address} is not zenodo:<record number>/<file name>`);
  return { record: match[1]!, fileName: match[2] ?? null };
}

/**
 * Gets a file's size and checksum from Zenodo's records API.
 *
 * @param baseUrl Zenodo itself, or a mirror with the same paths
 * @throws SOURCE_NOT_FOUND naming the files that the record has
 */
export async function findZenodoFile(
  address: ZenodoAddress,
  http: HttpClient,
  baseUrl: URL,
): Promise<ZenodoFile> {
  const label = `Zenodo record ${address.record}`;
  const answer = await http.json(new URL(`api/records/${address.record}`, baseUrl), label);
  const file = chooseFile(filesOf(answer, label), address);
  return {
    name: file.key,
    size: file.size,
    digest: parseChecksum(file, label),
    url: new URL(`records/${address.record}/files/${encodeURIComponent(file.key)}?download=1`, baseUrl),
  };
}

function filesOf(answer: unknown, label: string): readonly RecordFile[] {
  const found = checkedOrNull(answer, recordAnswer);
  if (found === null)
    throw builderError(
      "DOWNLOAD_FAILED",
      `${label}: the answer lists no files with size and checksum; the record may be restricted`,
    );
  return found.files;
}

function chooseFile(files: readonly RecordFile[], { record: number, fileName }: ZenodoAddress): RecordFile {
  const zips = files.filter(({ key }) => key.endsWith(".zip"));
  const chosen =
    fileName === null ? (zips.length === 1 ? zips[0] : undefined) : files.find(({ key }) => key === fileName);
  if (chosen !== undefined) return chosen;
  const names = files.map(({ key }) => key);
  const near = fileName === null ? null : nearest(fileName, names);
  const meant = near === null ? "" : ` Did you mean ${near}?`;
  const wanted = fileName === null ? "not exactly one .zip" : `no file ${fileName}`;
  throw builderError(
    "SOURCE_NOT_FOUND",
    `Zenodo record ${number} has ${wanted}.${meant} It has ${names.slice(0, 20).join(", ")}`,
  );
}

function parseChecksum({ key, checksum }: RecordFile, label: string): Digest {
  const match = /^(md5|sha256|sha512):([0-9a-f]+)$/i.exec(checksum);
  if (match === null)
    throw builderError("DOWNLOAD_FAILED", `${label}: checksum of ${key} is ${JSON.stringify(checksum)}`);
  return { algorithm: match[1]!.toLowerCase(), hex: match[2]!.toLowerCase() };
}
