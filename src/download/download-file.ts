import { type FileHandle, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import type { ProcessorError } from "../../processor/contract/errors.js";
import type { ProgressTask } from "../../processor/contract/progress/progress.js";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { builderError } from "../ground/errors/builder-errors.js";
import { type HttpAnswer, type HttpClient, shownUrl, statusFailure } from "./http-client.js";
import {
  addressDigest,
  discardPart,
  openPart,
  type Part,
  type PartNote,
  type PartPlace,
  readPart,
  validatorOf,
  writeAll,
} from "./part-file.js";
import { PassingFailure } from "./retry.js";

export interface FileDownload extends PartPlace {
  /** The file's name, for messages and the progress bar. */
  readonly label: string;
  /** Null if only the server knows the size. */
  readonly expectedSize: number | null;
  /** ETag of the existing version; null if there is none. */
  readonly knownEtag: string | null;
  /** Sent with the request, which otherwise asks for the address alone; absent or null for nothing. */
  readonly postedJson?: Readonly<Record<string, string>> | null;
}

export type DownloadOutcome =
  | { readonly status: "unchanged" }
  | {
      readonly status: "complete";
      readonly size: number;
      readonly etag: string | null;
      /** True if an earlier part was continued. If the digest is wrong, that part may be the cause. */
      readonly wasResumed: boolean;
    };

/** Progress that resets the count of attempts: a hundredth of the file, or this many bytes. */
const progressBytes = 1 << 20;

/**
 * Downloads a zip file. Continues an earlier attempt or an earlier run (Range and If-Range).
 *
 * @throws DOWNLOAD_NOT_ARCHIVE if the answer is not a zip; DOWNLOAD_CORRUPT if the length differs from the
 * expected one; DISK_FULL before the first byte if the file cannot fit
 */
export function downloadFile(download: FileDownload, http: HttpClient): Promise<DownloadOutcome> {
  let wasResumed = false;
  const furthest = { position: 0 };
  return http.retrying(download.label, async () => {
    const part = await readPart(download);
    wasResumed ||= part !== null;
    const answer = await http.open(download.url, requestHeaders(download, part), download.postedJson ?? null);
    try {
      const outcome = await takeAnswer({ download, part, answer, http, furthest });
      return outcome.status === "complete" ? { ...outcome, wasResumed } : outcome;
    } finally {
      answer.close();
    }
  });
}

function requestHeaders(download: FileDownload, part: Part | null): Record<string, string> {
  if (part === null) return download.knownEtag === null ? {} : { "if-none-match": download.knownEtag };
  const validator = validatorOf(part.note);
  return { range: `bytes=${part.size}-`, ...(validator === null ? {} : { "if-range": validator }) };
}

interface Exchange {
  readonly download: FileDownload;
  readonly part: Part | null;
  readonly answer: HttpAnswer;
  readonly http: HttpClient;
  /** The furthest position of any attempt in this run. Receiving the same bytes again is not progress. */
  readonly furthest: { position: number };
}

async function takeAnswer(exchange: Exchange) {
  const { download, part, answer } = exchange;
  const { status, headers } = answer;
  if (status === 304) return { status: "unchanged" } as const;
  if (status === 416 && part !== null) return finishedPart(download, part, answer);
  if (status !== 200 && status !== 206) throw statusFailure(answer, download.label);
  if (status === 206 && (part === null || !continues(part, answer))) {
    await discardPart(download.partFile);
    throw new PassingFailure(`${answer.url.host} sent a different part of the file than requested`);
  }
  const start = status === 206 && part !== null ? part.size : 0;
  const totalBytes = announcedTotal(answer, start);
  checkAnnouncedSize(download, totalBytes, answer);
  await checkDiskSpace(download, totalBytes, start);
  const note: PartNote = {
    urlSha256: addressDigest(download.url),
    etag: headers.etag ?? null,
    lastModified: headers["last-modified"] ?? null,
    totalBytes,
  };
  const size = await receive(exchange, start, note);
  return { status: "complete", size, etag: note.etag } as const;
}

async function finishedPart(download: FileDownload, part: Part, answer: HttpAnswer) {
  const total = /^bytes \*\/(\d+)$/.exec(answer.headers["content-range"] ?? "")?.[1];
  if (total !== undefined && Number(total) === part.size)
    return { status: "complete", size: part.size, etag: part.note.etag } as const;
  await discardPart(download.partFile);
  throw new PassingFailure(`${answer.url.host} can't continue the download`);
}

function continues(part: Part, answer: HttpAnswer): boolean {
  const range = contentRange(answer);
  if (range === null || range.start !== part.size) return false;
  const { totalBytes } = part.note;
  return totalBytes === null || range.total === null || range.total === totalBytes;
}

function contentRange(answer: HttpAnswer): { start: number; total: number | null } | null {
  const match = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(answer.headers["content-range"] ?? "");
  if (match === null) return null;
  return { start: Number(match[1]), total: match[2] === "*" ? null : Number(match[2]) };
}

function announcedTotal(answer: HttpAnswer, start: number): number | null {
  const total = contentRange(answer)?.total ?? null;
  if (total !== null) return total;
  const length = answer.headers["content-length"];
  return length === undefined ? null : start + Number(length);
}

function checkAnnouncedSize(download: FileDownload, totalBytes: number | null, answer: HttpAnswer): void {
  const { expectedSize, label } = download;
  if (expectedSize === null || totalBytes === null || totalBytes === expectedSize) return;
  if (isHtml(answer)) return; // a better message follows when the page is read
  throw builderError(
    "DOWNLOAD_CORRUPT",
    `${label}: ${answer.url.host} announces ${totalBytes} bytes, but ${expectedSize} are expected`,
  );
}

async function checkDiskSpace(
  download: FileDownload,
  totalBytes: number | null,
  start: number,
): Promise<void> {
  if (totalBytes === null) return;
  const folder = dirname(download.partFile);
  const { bavail, bsize } = await statfs(folder);
  const missing = totalBytes - start - bavail * bsize;
  if (missing > 0)
    throw sharedError(
      "DISK_FULL",
      `${download.label} needs ${totalBytes - start} bytes in ${folder}, which is ${missing} more than the free space`,
    );
}

async function receive(exchange: Exchange, start: number, note: PartNote): Promise<number> {
  const { download, answer, http, furthest } = exchange;
  const { partFile, label } = download;
  const limit = note.totalBytes ?? download.expectedSize ?? Number.POSITIVE_INFINITY;
  let position = start;
  let file: FileHandle | null = null;
  let bar: ProgressTask | null = null;
  try {
    for await (const chunk of answer.body) {
      if (file === null) {
        if (start === 0) await checkIsZip(chunk, answer, label);
        file = await openPart(partFile, start, note);
        bar = http.progress.start({
          label: `downloading ${label}`,
          unit: "bytes",
          ...(note.totalBytes === null ? {} : { total: note.totalBytes }),
        });
        bar.advance(start);
      }
      if (position + chunk.byteLength > limit) throw longerThanAnnounced(download, limit, answer);
      await writeAll(file, chunk, position);
      position += chunk.byteLength;
      bar?.advance(chunk.byteLength);
    }
  } catch (error) {
    throw withProgress(error, furthest, position, limit);
  } finally {
    await file?.close();
    bar?.done();
  }
  if (note.totalBytes !== null && position < note.totalBytes)
    throw withProgress(new PassingFailure("the connection ended"), furthest, position, limit);
  return position;
}

/**
 * Checks the first bytes. Zip files start with a local header, or with their end record if they are empty.
 */
async function checkIsZip(first: Uint8Array, answer: HttpAnswer, label: string): Promise<void> {
  const start = Buffer.from(first.buffer, first.byteOffset, Math.min(first.byteLength, 4096));
  if (start.length >= 4 && (start.readUInt32LE(0) === 0x04034b50 || start.readUInt32LE(0) === 0x06054b50))
    return;
  const title = /<title[^<>]*>([^<]{0,100})/i.exec(start.toString("utf8"))?.[1]?.replace(/\s+/g, " ").trim();
  const isPage = isHtml(answer) || /^\s*<(!doctype html|html)/i.test(start.toString("utf8"));
  const what = isPage
    ? `a web page${title ? ` titled ${JSON.stringify(title)}` : ""}`
    : "a file that is not a zip";
  throw builderError("DOWNLOAD_NOT_ARCHIVE", `${label}: ${shownUrl(answer.url)} answers with ${what}`);
}

function isHtml(answer: HttpAnswer): boolean {
  return (answer.headers["content-type"] ?? "").startsWith("text/html");
}

function longerThanAnnounced(download: FileDownload, limit: number, answer: HttpAnswer): ProcessorError {
  return builderError(
    "DOWNLOAD_CORRUPT",
    `${download.label}: ${answer.url.host} sends more than the ${limit} bytes expected`,
  );
}

function withProgress(
  error: unknown,
  furthest: { position: number },
  position: number,
  total: number,
): unknown {
  if (!(error instanceof PassingFailure)) return error;
  const gainedBytes = position - furthest.position;
  furthest.position = Math.max(furthest.position, position);
  const ofTotal = Number.isFinite(total) ? ` of ${total}` : "";
  return new PassingFailure(`${error.message} after ${position}${ofTotal} bytes`, {
    cause: error,
    retryAfterMs: error.retryAfterMs,
    hasProgressed: gainedBytes >= Math.min(progressBytes, total / 100),
  });
}
