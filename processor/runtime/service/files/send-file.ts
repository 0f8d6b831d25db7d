import type { Readable } from "node:stream";
import type { FastifyReply, FastifyRequest } from "fastify";
import { openRegularFile } from "../../../files/read-text-file.js";
import { serviceError } from "../errors.js";

/** Bytes that can be read from any position. */
export interface Sendable {
  readonly name: string;
  readonly size: number;
  /** Changes with the bytes. */
  readonly etag: string;
  /** @param range both ends included */
  open(range: { readonly start: number; readonly end: number }): Readable;
  /** Called instead of `open` if no bytes are sent. */
  close(): Promise<void>;
}

/**
 * Answers with a file, or with the part of it that a request wants.
 *
 * @throws FILE_UNKNOWN
 */
export async function sendFile(
  request: FastifyRequest,
  reply: FastifyReply,
  { path, name }: { readonly path: string; readonly name: string },
): Promise<FastifyReply> {
  const file = await openRegularFile(path).catch((cause: unknown) => {
    throw serviceError("FILE_UNKNOWN", `${name} is not there any more`, { cause });
  });
  const { size, mtimeMs, ino } = await file.stat();
  return send(request, reply, {
    name,
    size,
    etag: `"${size.toString(16)}-${Math.round(mtimeMs).toString(16)}-${ino.toString(16)}"`,
    open: (range) => file.createReadStream({ ...range, highWaterMark: 1 << 18 }),
    close: () => file.close(),
  });
}

/** Answers with bytes, or with the part of them that a request wants (RFC 9110: Range, If-Range, ETag). */
export async function send(
  request: FastifyRequest,
  reply: FastifyReply,
  { name, size, etag, open, close }: Sendable,
): Promise<FastifyReply> {
  void reply
    .header("etag", etag)
    .header("accept-ranges", "bytes")
    .header("cache-control", "private, no-cache")
    .header("content-disposition", dispositionOf(name))
    .type(mediaTypeOf(name));
  const { "if-none-match": ifNoneMatch, "if-range": ifRange, range: wanted } = request.headers;
  if (ifNoneMatch?.split(/\s*,\s*/).includes(etag) === true) {
    await close();
    return reply.code(304).send();
  }
  const range = ifRange === undefined || ifRange === etag ? rangeOf(wanted, size) : null;
  if (range === "unsatisfiable") {
    await close();
    return reply.code(416).header("content-range", `bytes */${size}`).send();
  }
  const { start, end } = range ?? { start: 0, end: size - 1 };
  void reply.header("content-length", end - start + 1);
  if (range !== null) void reply.code(206).header("content-range", `bytes ${start}-${end}/${size}`);
  if (request.method === "HEAD" || size === 0) {
    await close();
    return reply.send();
  }
  return reply.send(open({ start, end }));
}

/**
 * Returns one range; null for the whole file, which is also the answer to several ranges and to an invalid one, such as one
 * that ends before it begins (RFC 9110, 14.1.1 and 14.2).
 */
function rangeOf(header: string | undefined, size: number) {
  const [, first = "", last = ""] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? "") ?? [];
  if (first === "" && last === "") return null;
  if (first !== "" && last !== "" && Number(last) < Number(first)) return null;
  const start = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === "" || last === "" ? size - 1 : Math.min(Number(last), size - 1);
  return start < size && start <= end ? { start, end } : "unsatisfiable";
}

/** A header cannot hold all letters, so the name is there twice (RFC 6266). */
function dispositionOf(name: string): string {
  const last = name.split("/").at(-1)!;
  return `attachment; filename="${last.replaceAll(/[^\w.-]/g, "_")}"; filename*=UTF-8''${encodeURIComponent(last).replaceAll(/['()*]/g, (letter) => `%${letter.charCodeAt(0).toString(16)}`)}`;
}

const mediaTypes: Readonly<Record<string, string>> = {
  ".gz": "application/gzip",
  ".dcm": "application/dicom",
  ".json": "application/json",
  ".zip": "application/zip",
};

const mediaTypeOf = (name: string): string =>
  mediaTypes[/\.[a-z]+$/.exec(name)?.[0] ?? ""] ?? "application/octet-stream";
