import { implementationClassUid, implementationVersionName } from "../../../../dicom-objects/uid.js";
import { ProtocolError } from "./read-pdus.js";

/** A service and the transfer syntaxes that one side offers for it (PS3.8, 9.3.2.2). */
export interface OfferedContext {
  /** Odd, from 1 to 255. */
  readonly id: number;
  readonly abstractSyntax: string;
  readonly transferSyntaxes: readonly string[];
}

export interface AssociateRequest {
  readonly calledAe: string;
  readonly callingAe: string;
  readonly contexts: readonly OfferedContext[];
  /** The most bytes of a data unit that the other side takes; 0 for any number. */
  readonly maxPduBytes: number;
}

/** The answer to an offer: 0 is acceptance; 3 and 4 are refusals of the service and of its transfer syntaxes. */
export interface AnsweredContext {
  readonly id: number;
  readonly result: 0 | 1 | 2 | 3 | 4;
  readonly transferSyntax: string;
}

const applicationContext = "1.2.840.10008.3.1.1.1";
const itemTypes = {
  application: 0x10,
  context: 0x20,
  answer: 0x21,
  abstract: 0x30,
  transfer: 0x40,
  user: 0x50,
};
const mostContexts = 128;

/** @throws ProtocolError */
export function decodeAssociateRequest(body: Buffer): AssociateRequest {
  if (body.length < 68 || (body.readUInt16BE(0) & 1) === 0)
    throw new ProtocolError("the request is too short, or of another version");
  const contexts: OfferedContext[] = [];
  let maxPduBytes = 0;
  for (const { type, value } of items(body.subarray(68))) {
    if (type === itemTypes.context) contexts.push(decodeContext(value));
    else if (type === itemTypes.user) maxPduBytes = maxLengthOf(value);
    if (contexts.length > mostContexts) throw new ProtocolError("more than 128 presentation contexts");
  }
  return { calledAe: aeTitleAt(body, 4), callingAe: aeTitleAt(body, 20), contexts, maxPduBytes };
}

function decodeContext(value: Buffer): OfferedContext {
  if (value.length < 4) throw new ProtocolError("a presentation context is too short");
  const inner = [...items(value.subarray(4))];
  return {
    id: value[0]!,
    abstractSyntax: uidText(inner.find(({ type }) => type === itemTypes.abstract)?.value),
    transferSyntaxes: inner
      .filter(({ type }) => type === itemTypes.transfer)
      .map(({ value: uid }) => uidText(uid)),
  };
}

/** The accepted transfer syntaxes by the contexts' ids, and the size of the units that the other side takes. */
export interface AssociateAccept {
  readonly contexts: readonly AnsweredContext[];
  readonly maxPduBytes: number;
}

/** @throws ProtocolError */
export function decodeAssociateAccept(body: Buffer): AssociateAccept {
  if (body.length < 68) throw new ProtocolError("the acceptance is too short");
  const contexts: AnsweredContext[] = [];
  let maxPduBytes = 0;
  for (const { type, value } of items(body.subarray(68))) {
    if (type === itemTypes.user) maxPduBytes = maxLengthOf(value);
    if (type !== itemTypes.answer || value.length < 4) continue;
    const [transfer] = [...items(value.subarray(4))];
    const result = value[2]! as AnsweredContext["result"];
    contexts.push({ id: value[0]!, result, transferSyntax: uidText(transfer?.value) });
  }
  return { contexts, maxPduBytes };
}

export function encodeAssociateRequest(request: AssociateRequest): Buffer {
  return associateBody(request, [
    ...request.contexts.map(({ id, abstractSyntax, transferSyntaxes }) =>
      item(
        itemTypes.context,
        Buffer.from([id, 0, 0, 0]),
        item(itemTypes.abstract, Buffer.from(abstractSyntax)),
        ...transferSyntaxes.map((uid) => item(itemTypes.transfer, Buffer.from(uid))),
      ),
    ),
  ]);
}

export function encodeAssociateAccept(
  titles: Pick<AssociateRequest, "calledAe" | "callingAe">,
  { contexts, maxPduBytes }: AssociateAccept,
): Buffer {
  return associateBody(
    { ...titles, maxPduBytes },
    contexts.map(({ id, result, transferSyntax }) =>
      item(
        itemTypes.answer,
        Buffer.from([id, 0, result, 0]),
        item(itemTypes.transfer, Buffer.from(transferSyntax)),
      ),
    ),
  );
}

function associateBody(
  { calledAe, callingAe, maxPduBytes }: Omit<AssociateRequest, "contexts">,
  contexts: readonly Buffer[],
): Buffer {
  const head = Buffer.alloc(68);
  head.writeUInt16BE(1, 0);
  head.write(calledAe.padEnd(16), 4, 16, "latin1");
  head.write(callingAe.padEnd(16), 20, 16, "latin1");
  const maxLength = Buffer.alloc(4);
  maxLength.writeUInt32BE(maxPduBytes);
  return Buffer.concat([
    head,
    item(itemTypes.application, Buffer.from(applicationContext)),
    ...contexts,
    item(
      itemTypes.user,
      item(0x51, maxLength),
      item(0x52, Buffer.from(implementationClassUid)),
      item(0x55, Buffer.from(implementationVersionName)),
    ),
  ]);
}

function item(type: number, ...parts: readonly Buffer[]): Buffer {
  const value = Buffer.concat(parts);
  const head = Buffer.alloc(4);
  head[0] = type;
  head.writeUInt16BE(value.length, 2);
  return Buffer.concat([head, value]);
}

function* items(bytes: Buffer): Generator<{ readonly type: number; readonly value: Buffer }> {
  for (let at = 0; at < bytes.length; ) {
    const length = at + 4 <= bytes.length ? bytes.readUInt16BE(at + 2) : Number.POSITIVE_INFINITY;
    if (at + 4 + length > bytes.length) throw new ProtocolError("an item is longer than its unit");
    yield { type: bytes[at]!, value: bytes.subarray(at + 4, at + 4 + length) };
    at += 4 + length;
  }
}

function maxLengthOf(user: Buffer): number {
  for (const { type, value } of items(user))
    if (type === 0x51 && value.length === 4) return value.readUInt32BE(0);
  return 0;
}

const aeTitleAt = (body: Buffer, at: number): string => body.toString("latin1", at, at + 16).trim();

const uidText = (bytes: Buffer | undefined): string =>
  (bytes ?? Buffer.alloc(0)).toString("latin1").replace(/[ \0]+$/, "");
