import { readFileSync } from "node:fs";
import { join } from "node:path";
import { completeMetadata, readMetadataFile } from "../../../processor/dicom-objects/read-metadata.js";
import { imageError } from "../../../processor/imaging/errors.js";
import {
  decodeAssociateRequest,
  encodeAssociateRequest,
} from "../../../processor/runtime/service/dicom/dimse/association-units.js";
import {
  decodeCommand,
  encodeCommand,
  fields,
} from "../../../processor/runtime/service/dicom/dimse/command-set.js";
import { dataUnit, dataValues } from "../../../processor/runtime/service/dicom/dimse/data-values.js";
import {
  ProtocolError,
  pduBytes,
  pduTypes,
  readPdus,
} from "../../../processor/runtime/service/dicom/dimse/read-pdus.js";
import { relatedParts } from "../../../processor/runtime/service/dicom/web/related-parts.js";
import { mutateBytes, mutateJson } from "../mutations/mutate.js";
import { type FuzzedReader, type FuzzInput, filesBelow, golden, require } from "./fuzzed-reader.js";

const boundary = "b0und4ry";
const chunkBytes = 7;
const mostUnitBytes = 1 << 18;

/** Readers of what other programs send over a network, and of what describes the results for them. */
export const exchangeReaders: Readonly<Record<string, FuzzedReader>> = {
  "segment-metadata": {
    mutation: mutateJson,
    seeds: async () =>
      filesBelow(
        join(golden, "dicom", "seg"),
        /(?:inline_plain|inline_underscore|inline_organs|two_segments|labelmap).*\/(?:inline|metadata)\.json$/,
      ),
    read: async ({ file }) => {
      const { segments } = completeMetadata(await readMetadataFile(file), "metadata", defaults);
      require(segments.every(({ label }) => Number.isSafeInteger(label)), "whole numbers as labels");
    },
  },
  dimse: {
    mutation: mutateBytes,
    seeds: async () => [{ path: "units.bin", bytes: units }],
    read: readUnits,
  },
  "multipart-related": {
    mutation: mutateBytes,
    seeds: async () => [{ path: "body.bin", bytes: () => Buffer.from(body) }],
    read: async ({ file }) => {
      const bytes = readFileSync(file);
      let length = 0;
      for await (const { content } of relatedParts(chunksOf(bytes), boundary))
        for await (const part of content) length += part.length;
      require(length <= bytes.length, "less than the body");
    },
  },
};

const defaults = {
  equipment: { manufacturer: "m", modelName: "n", deviceSerialNumber: "1", softwareVersions: "2" },
  algorithmName: "a",
};

const body = `--${boundary}\r\nContent-Type: application/dicom\r\n\r\none\r\n--${boundary}\r\n\r\ntwo\r\n--${boundary}--`;

function units(): Buffer {
  const request = encodeAssociateRequest({
    calledAe: "NNUNET",
    callingAe: "SCANNER",
    contexts: [
      {
        id: 1,
        abstractSyntax: "1.2.840.10008.5.1.4.1.1.2",
        transferSyntaxes: ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"],
      },
    ],
    maxPduBytes: 16_384,
  });
  const command = new Map<number, string | number>([
    [fields.affectedSopClass, "1.2.840.10008.5.1.4.1.1.2"],
    [fields.command, 1],
    [fields.messageId, 1],
    [fields.dataSetType, 1],
    [fields.affectedSopInstance, "1.2.3"],
  ]);
  return Buffer.concat([
    pduBytes(pduTypes.associateRequest, request),
    dataUnit({ contextId: 1, isCommand: true, isLast: true, bytes: encodeCommand(command) }),
    dataUnit({ contextId: 1, isCommand: false, isLast: true, bytes: Buffer.alloc(20) }),
    pduBytes(pduTypes.releaseRequest, Buffer.alloc(4)),
  ]);
}

async function readUnits({ file }: FuzzInput): Promise<void> {
  try {
    for await (const { type, body: unit } of readPdus(chunksOf(readFileSync(file)), mostUnitBytes)) {
      if (type === pduTypes.associateRequest)
        require(decodeAssociateRequest(unit).contexts.length <= 128, "at most 128 contexts");
      if (type !== pduTypes.data) continue;
      for (const { isCommand, bytes } of dataValues(unit)) if (isCommand) decodeCommand(bytes);
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    throw imageError("IMAGE_INVALID", error.message, { cause: error });
  }
}

async function* chunksOf(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
}
