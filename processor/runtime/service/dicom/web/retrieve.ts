import { randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { openRegularFile } from "../../../../files/read-text-file.js";
import { numberOf, uint16Of } from "../../../../imaging/dicom/element-values.js";
import { frameParts } from "../../../../imaging/dicom/frame-parts.js";
import { type DicomFile, readDicomFile } from "../../../../imaging/dicom/read-dicom-file.js";
import { tags } from "../../../../imaging/dicom/tags.js";
import { exchangeError } from "../errors.js";
import { type DicomJson, dicomJson } from "../json/dicom-json.js";
import type { StoredInstance } from "../store/instance-store.js";
import { bitsOfFrame } from "./frame-bits.js";
import { parameterOf } from "./related-parts.js";

/** A body that is sent while its files are read. */
export interface StreamedBody {
  readonly contentType: string;
  readonly stream: Readable;
}

/**
 * Returns objects as they are stored, in one multipart body (WADO-RS, PS3.18, 10.4).
 *
 * @throws DICOM_NOT_ACCEPTABLE for a client that takes only other transfer syntaxes
 */
export function objectsBody(instances: readonly StoredInstance[], accept: string): StreamedBody {
  const types = acceptedTypes(accept);
  const [only, ...others] = instances;
  if (types.some(({ type }) => type === "application/dicom") && others.length === 0)
    return { contentType: "application/dicom", stream: createReadStream(only!.path) };
  const allowed = types.filter(
    ({ type, parts }) => type === "*/*" || isRelated(type, parts, "application/dicom"),
  );
  requireAcceptable(allowed.length > 0);
  for (const { transferSyntaxUid } of instances)
    requireAcceptable(
      allowed.some(({ syntax }) => syntax === null || syntax === "*" || syntax === transferSyntaxUid),
    );
  return related(
    "application/dicom",
    instances.map(({ path, transferSyntaxUid }) => ({
      contentType: `application/dicom; transfer-syntax=${transferSyntaxUid}`,
      content: () => createReadStream(path),
    })),
  );
}

/**
 * Returns frames as they are stored; those of one bit as bytes of their own.
 *
 * @param numbers from 1
 * @throws DICOM_UNKNOWN_OBJECT for a frame that does not exist; DICOM_NOT_ACCEPTABLE
 */
export async function framesBody(
  { path, transferSyntaxUid }: StoredInstance,
  numbers: readonly number[],
  accept: string,
): Promise<StreamedBody> {
  const types = acceptedTypes(accept);
  requireAcceptable(
    types.some(
      ({ type, parts, syntax }) =>
        (type === "*/*" || type === "application/octet-stream" || type === "multipart/related") &&
        (parts === null || parts === "application/octet-stream" || parts.startsWith("image/")) &&
        (syntax === null || syntax === "*" || syntax === transferSyntaxUid),
    ),
  );
  const file = await readDicomFile(path);
  if (file === null || file.pixels === null || file.deflated !== null)
    throw exchangeError(
      "DICOM_NOT_ACCEPTABLE",
      "the object has no pixels, or none that can be sent by frames",
    );
  const count = numberOf(file.dataSet, tags.NumberOfFrames) ?? 1;
  for (const number of numbers)
    if (number < 1 || number > count)
      throw exchangeError("DICOM_UNKNOWN_OBJECT", `the object has ${count} frames, but not frame ${number}`);
  const read = await frameReader(file);
  return related(
    "application/octet-stream",
    numbers.map((number) => ({
      contentType: `application/octet-stream; transfer-syntax=${transferSyntaxUid}`,
      content: () => Readable.from(read(number - 1)),
    })),
  );
}

async function frameReader(file: DicomFile): Promise<(frame: number) => AsyncIterable<Buffer>> {
  const isBits = uint16Of(file.dataSet, tags.BitsAllocated) === 1 && file.pixels!.encapsulated === null;
  if (isBits) return (frame) => bitsOfFrame(file, frame);
  const parts = await frameParts(file);
  return async function* (frame) {
    const opened = await openRegularFile(file.path);
    try {
      for (const { at, length } of parts[frame]!) {
        const bytes = Buffer.alloc(length);
        await opened.read(bytes, 0, length, at);
        yield bytes;
      }
    } finally {
      await opened.close();
    }
  };
}

/** Returns what objects say about themselves, without their pixels. */
export async function metadataOf(instances: readonly StoredInstance[]): Promise<readonly DicomJson[]> {
  const described: DicomJson[] = [];
  for (const { path } of instances) {
    const file = await readDicomFile(path);
    if (file !== null) described.push(dicomJson(file.dataSet));
  }
  return described;
}

interface AcceptedType {
  readonly type: string;
  /** The type of the parts; null if the client does not say it. */
  readonly parts: string | null;
  readonly syntax: string | null;
}

function acceptedTypes(accept: string): readonly AcceptedType[] {
  return (accept.trim() === "" ? "*/*" : accept)
    .slice(0, 4000)
    .split(",")
    .map((one) => ({
      type: one.split(";")[0]!.trim().toLowerCase(),
      parts: partsOf(one),
      syntax: parameterOf(one, "transfer-syntax"),
    }));
}

/** Parts of any type are as good as none named. */
function partsOf(mediaType: string): string | null {
  const type = parameterOf(mediaType, "type")?.toLowerCase() ?? null;
  return type === "*/*" ? null : type;
}

const isRelated = (type: string, parts: string | null, wanted: string): boolean =>
  type === "multipart/related" && (parts === null || parts === wanted);

function requireAcceptable(isAcceptable: boolean): void {
  if (!isAcceptable)
    throw exchangeError("DICOM_NOT_ACCEPTABLE", "the client takes no media type that this server can send");
}

interface Part {
  readonly contentType: string;
  readonly content: () => Readable;
}

function related(type: string, parts: readonly Part[]): StreamedBody {
  const boundary = randomBytes(16).toString("hex");
  const body = async function* (): AsyncGenerator<Buffer | string> {
    for (const { contentType, content } of parts) {
      yield `--${boundary}\r\nContent-Type: ${contentType}\r\n\r\n`;
      yield* content();
      yield "\r\n";
    }
    yield `--${boundary}--\r\n`;
  };
  return {
    contentType: `multipart/related; type="${type}"; boundary=${boundary}`,
    stream: Readable.from(body(), { objectMode: false }),
  };
}
