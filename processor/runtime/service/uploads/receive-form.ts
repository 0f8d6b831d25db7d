import "@fastify/multipart";
import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { FastifyRequest } from "fastify";
import { ProcessorError } from "../../../contract/errors.js";
import { makeFolder } from "../../../files/make-folder.js";
import { outputError } from "../../../files/write-file.js";
import { serviceError } from "../errors.js";
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
 * @throws REQUEST_INVALID, UPLOAD_INVALID, UPLOAD_TOO_LARGE
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
  let text: string | null = null;
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
        if (part.fieldname !== "request")
          throw serviceError(
            "REQUEST_INVALID",
            `the form has no field ${JSON.stringify(String(part.fieldname).slice(0, 100))}; there are request and file`,
          );
        text = String(part.value);
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
    if (text === null) throw serviceError("REQUEST_INVALID", "the form has no field request");
    const digest = createHash("sha256")
      .update(JSON.stringify([text, ...digests]))
      .digest("hex");
    return { request: parsed(text), folder, files: names.all, digest };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw unreadableForm(error);
  }
}

/** The parser of forms throws errors without a code. */
function unreadableForm(error: unknown): unknown {
  if (!(error instanceof Error) || !/boundary|end of form|malformed|multipart/i.test(error.message))
    return error;
  return error instanceof ProcessorError || "statusCode" in error
    ? error
    : serviceError("UPLOAD_INVALID", `the form cannot be read: ${error.message}`, { cause: error });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw serviceError("REQUEST_INVALID", "the field request is not JSON", { cause });
  }
}
