import { createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { ProcessorError } from "../../../../contract/errors.js";
import { diskError } from "../../../../files/disk-error.js";
import { exchangeError } from "../errors.js";
import type { DicomJson, DicomJsonElement } from "../json/dicom-json.js";
import type { InstanceStore, StoredInstance } from "../store/instance-store.js";
import { readInstance } from "../store/read-instance.js";
import { parameterOf, relatedParts } from "./related-parts.js";

export interface StowOptions {
  readonly store: InstanceStore;
  /** The study of the address; objects of others are refused. Null for any. */
  readonly study: string | null;
  /** The media type of the body. */
  readonly contentType: string;
  readonly maxBytes: number;
  /** Returns the address of an object. */
  readonly addressOf: (instance: StoredInstance["uids"]) => string;
}

export interface StowAnswer {
  readonly status: 200 | 202 | 409;
  readonly storedCount: number;
  readonly body: DicomJson;
}

interface Failure {
  /** Null if the object could not be read. */
  readonly object: { readonly sopClassUid: string; readonly instance: string } | null;
  readonly reason: number;
}

/** Failure reasons of PS3.18, table I.2-2, as in C-STORE. */
const reasons = { full: 0xa700, otherStudy: 0xa900, unreadable: 0xc000, taken: 0x0111, broken: 0x0110 };

/**
 * Stores the objects of a request (PS3.18, 10.5), each while it arrives.
 *
 * @throws DICOM_BODY_INVALID for a body that is not what its media type says
 */
export async function stow(body: AsyncIterable<Buffer>, options: StowOptions): Promise<StowAnswer> {
  const stored: StoredInstance[] = [];
  const failures: Failure[] = [];
  const bounded = boundedBody(body, options.maxBytes);
  for await (const content of objectsOf(bounded, options.contentType)) {
    const found = await storeOne(content, options);
    if ("reason" in found) failures.push(found);
    else stored.push(found);
  }
  if (stored.length + failures.length === 0)
    throw exchangeError("DICOM_BODY_INVALID", "the body holds no object");
  const status = failures.length === 0 ? 200 : stored.length === 0 ? 409 : 202;
  return { status, storedCount: stored.length, body: answerOf(stored, failures, options.addressOf) };
}

async function* objectsOf(
  body: AsyncIterable<Buffer>,
  contentType: string,
): AsyncGenerator<AsyncIterable<Buffer>> {
  const mediaType = contentType.split(";")[0]!.trim().toLowerCase();
  if (mediaType === "application/dicom") {
    yield body;
    return;
  }
  const boundary = parameterOf(contentType, "boundary");
  const type = parameterOf(contentType, "type") ?? "application/dicom";
  if (mediaType !== "multipart/related" || boundary === null || !/^[\x20-\x7e]{1,200}$/.test(boundary))
    throw exchangeError("DICOM_BODY_INVALID", "the body is not multipart/related with a boundary");
  if (type.toLowerCase() !== "application/dicom")
    throw exchangeError(
      "DICOM_BODY_INVALID",
      `objects are taken as application/dicom, not as ${type.slice(0, 100)}`,
    );
  for await (const { content } of relatedParts(body, boundary)) yield content;
}

async function* boundedBody(body: AsyncIterable<Buffer>, maxBytes: number): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > maxBytes)
      throw exchangeError("DICOM_REQUEST_TOO_LARGE", `a request may have at most ${maxBytes} bytes`);
    yield chunk;
  }
}

async function storeOne(
  content: AsyncIterable<Buffer>,
  { store, study }: StowOptions,
): Promise<StoredInstance | Failure> {
  const path = store.newPath();
  await pipeline(content, createWriteStream(path, { flags: "wx", mode: 0o600 })).catch(
    async (error: unknown) => {
      await rm(path, { force: true });
      throw diskError(error);
    },
  );
  let object: Failure["object"] = null;
  try {
    const facts = await readInstance(path);
    object = { sopClassUid: facts.sopClassUid, instance: facts.uids.instance };
    if (study !== null && facts.uids.study !== study) return { object, reason: reasons.otherStudy };
    return (await store.take(path, facts)).instance;
  } catch (error) {
    if (!(error instanceof ProcessorError)) throw error;
    return { object, reason: reasonOf(error.code) };
  } finally {
    await rm(path, { force: true });
  }
}

function reasonOf(code: string): number {
  switch (code) {
    case "DICOM_STORE_FULL":
    case "DISK_FULL":
      return reasons.full;
    case "DICOM_UID_TAKEN":
      return reasons.taken;
    case "DICOM_BROKEN_FILE":
    case "DICOM_INVALID_UID":
      return reasons.unreadable;
    default:
      return reasons.broken;
  }
}

function answerOf(
  stored: readonly StoredInstance[],
  failures: readonly Failure[],
  addressOf: StowOptions["addressOf"],
): DicomJson {
  const [first] = stored;
  const text = (vr: string, value: string | number): DicomJsonElement => ({ vr, Value: [value] });
  return {
    ...(first === undefined
      ? {}
      : { "00081190": text("UR", addressOf({ ...first.uids, series: "", instance: "" })) }),
    ...(stored.length === 0
      ? {}
      : {
          "00081199": {
            vr: "SQ",
            Value: stored.map(({ uids, sopClassUid }) => ({
              "00081150": text("UI", sopClassUid),
              "00081155": text("UI", uids.instance),
              "00081190": text("UR", addressOf(uids)),
            })),
          },
        }),
    ...failedObjects(failures),
  };
}

/** Objects that could not be read have no UIDs, and a sequence of their own (OtherFailuresSequence). */
function failedObjects(failures: readonly Failure[]): DicomJson {
  const reason = (failure: Failure): DicomJson => ({ "00081197": { vr: "US", Value: [failure.reason] } });
  const named = failures.filter(({ object }) => object !== null);
  const others = failures.filter(({ object }) => object === null);
  return {
    ...(named.length === 0
      ? {}
      : {
          "00081198": {
            vr: "SQ",
            Value: named.map((failure) => ({
              "00081150": { vr: "UI", Value: [failure.object!.sopClassUid] },
              "00081155": { vr: "UI", Value: [failure.object!.instance] },
              ...reason(failure),
            })),
          },
        }),
    ...(others.length === 0 ? {} : { "0008119A": { vr: "SQ", Value: others.map(reason) } }),
  };
}
