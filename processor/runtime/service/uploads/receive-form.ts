import "@fastify/multipart";
import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { MultipartValue } from "@fastify/multipart";
import type { FastifyRequest } from "fastify";
import { ProcessorError } from "../../../contract/errors.js";
import { makeFolder } from "../../../files/make-folder.js";
import { outputError } from "../../../files/write-file.js";
import { serviceError } from "../errors.js";
import { requireShallow } from "../http/json-depth.js";
import type { ServiceContext } from "../service-context.js";
import { cleanName, UploadNames } from "./clean-name.js";

/** A request that came with its files. */
export interface ReceivedForm {
  /** The field `request`, as it was sent. */
  readonly request: unknown;
  /** The folder of the files; null if there are none. */
  readonly folder: string | null;
  /** The paths of the files below the folder. */
  readonly files: readonly string[];
  /** The digest of the request and the files. */
  readonly digest: string;
}

const mostFiles = 20_000;
const maxRequestBytes = 1 << 20;

/**
 * Writes the files of a form into a folder while they arrive. After an error, the folder is gone.
 *
 * @throws REQUEST_INVALID, FORM_INVALID, FILE_NAME_INVALID, UPLOAD_TOO_LARGE
 */
export async function receiveForm(
  request: FastifyRequest,
  {
    folder,
    context: { limits },
  }: { readonly folder: string; readonly context: Pick<ServiceContext, "limits"> },
): Promise<ReceivedForm> {
  const names = new UploadNames();
  const digests: string[] = [];
  let sent: SentRequest | null = null;
  let bytes = 0;
  try {
    const parts = request.parts({
      limits: {
        fileSize: limits.maxUploadBytes,
        files: mostFiles,
        fieldSize: maxRequestBytes,
        fields: 16,
        parts: mostFiles + 16,
      },
      preservePath: true,
    });
    for await (const part of parts) {
      if (part.type === "field") {
        const field = requestOf(part);
        if (sent !== null) throw serviceError("FORM_INVALID", "the form has the field request twice");
        sent = field;
        continue;
      }
      // A part of type application/octet-stream is a file even without a name.
      const name = cleanName((part.filename as string | undefined) ?? "");
      const path = join(folder, name);
      names.add(name);
      await makeFolder(dirname(path), 0o700);
      const hash = createHash("sha256");
      const counted = async function* (source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
        for await (const chunk of source) {
          bytes += chunk.length;
          if (bytes > limits.maxUploadBytes)
            throw serviceError("UPLOAD_TOO_LARGE", `the files have more than ${limits.maxUploadBytes} bytes`);
          hash.update(chunk);
          yield chunk;
        }
      };
      await pipeline(part.file, counted, createWriteStream(path, { flags: "wx", mode: 0o600 })).catch(
        (error) => {
          throw outputError(path, error);
        },
      );
      if (part.file.truncated)
        throw serviceError(
          "UPLOAD_TOO_LARGE",
          `the file ${JSON.stringify(name)} has more than ${limits.maxUploadBytes} bytes`,
        );
      digests.push(`${name}:${hash.digest("hex")}`);
    }
    if (sent === null) throw serviceError("REQUEST_INVALID", "the form has no field request");
    const digest = createHash("sha256")
      .update(JSON.stringify([sent.text, ...digests]))
      .digest("hex");
    return { request: sent.json, folder, files: names.all, digest };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw unreadableForm(error);
  }
}

/** The parser of forms throws errors without a code. */
function unreadableForm(error: unknown): unknown {
  if (!(error instanceof Error) || !/boundary|end of form|malformed|multipart|needle/i.test(error.message))
    return error;
  if (error instanceof ProcessorError || "statusCode" in error) return error;
  const reason = error.message.includes("needle") ? "its boundary is too long" : error.message;
  return serviceError("FORM_INVALID", `the form cannot be read: ${reason}`, { cause: error });
}

interface SentRequest {
  readonly json: unknown;
  readonly text: string;
}

/** Reads the field with the request, which the parser of forms has parsed if it has the type application/json. */
function requestOf({ fieldname, value, valueTruncated }: MultipartValue): SentRequest {
  if (fieldname !== "request")
    throw serviceError(
      "REQUEST_INVALID",
      `the form has no field ${JSON.stringify(String(fieldname).slice(0, 100))}; there are request and file`,
    );
  if (valueTruncated)
    throw serviceError("UPLOAD_TOO_LARGE", `the field request has more than ${maxRequestBytes} bytes`);
  if (typeof value === "string") requireShallow(value);
  try {
    if (typeof value === "string") return { json: JSON.parse(value), text: value };
    return { json: value, text: JSON.stringify(value) };
  } catch (cause) {
    const what = typeof value === "string" ? "is not JSON" : "is nested too deeply";
    throw serviceError("REQUEST_INVALID", `the field request ${what}`, { cause });
  }
}
