import { once } from "node:events";
import { createReadStream } from "node:fs";
import { connect, type Socket } from "node:net";
import { plainExplicit } from "../../../../imaging/dicom/transfer-syntaxes.js";
import { exchangeError } from "../errors.js";
import { dataSetStart } from "../store/data-set-start.js";
import { verification } from "./accepted.js";
import {
  type AnsweredContext,
  decodeAssociateAccept,
  encodeAssociateRequest,
  type OfferedContext,
} from "./association-units.js";
import { commands, decodeCommand, encodeCommand, fields, noDataSet, numberIn } from "./command-set.js";
import { dataUnit, dataValues } from "./data-values.js";
import { type Pdu, pduBytes, pduTypes, readPdus, writeTo } from "./read-pdus.js";

/** Another program that receives objects. */
export interface DicomPeer {
  readonly host: string;
  readonly port: number;
  readonly aeTitle: string;
}

export interface SendOptions {
  readonly peer: DicomPeer;
  /** The name of this side. */
  readonly callingAe: string;
  /** The time without an answer after which the other side counts as gone. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export interface ObjectToSend {
  readonly path: string;
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly transferSyntaxUid: string;
}

/** The answer for each object: a status of C-STORE; null if the other side does not take such objects. */
export type SentStatus = number | null;

const maxPduBytes = 1 << 18;
const mostContexts = 128;

/**
 * Sends objects to another program (C-STORE), one after the other on one association.
 *
 * @throws DICOM_PEER_UNREACHABLE
 */
export async function sendObjects(
  objects: readonly ObjectToSend[],
  options: SendOptions,
): Promise<readonly SentStatus[]> {
  const contexts = contextsFor(objects);
  return withAssociation(contexts, options, async (association) => {
    const statuses: SentStatus[] = [];
    for (const object of objects) statuses.push(await association.store(object));
    return statuses;
  });
}

/**
 * Asks another program whether it is there (C-ECHO).
 *
 * @throws DICOM_PEER_UNREACHABLE
 */
export const echo = (options: SendOptions): Promise<number> =>
  withAssociation(
    [{ id: 1, abstractSyntax: verification, transferSyntaxes: [plainExplicit.uid, "1.2.840.10008.1.2"] }],
    options,
    (association) => association.echo(),
  );

/** One context for each kind of object and transfer syntax, because objects are sent as they are stored. */
function contextsFor(objects: readonly ObjectToSend[]): readonly OfferedContext[] {
  const kinds = new Map(objects.map((object) => [kindOf(object), object]));
  return [...kinds.values()].slice(0, mostContexts).map(({ sopClassUid, transferSyntaxUid }, i) => ({
    id: 2 * i + 1,
    abstractSyntax: sopClassUid,
    transferSyntaxes: [transferSyntaxUid],
  }));
}

const kindOf = ({ sopClassUid, transferSyntaxUid }: Omit<ObjectToSend, "path" | "sopInstanceUid">): string =>
  `${sopClassUid} ${transferSyntaxUid}`;

async function withAssociation<T>(
  contexts: readonly OfferedContext[],
  { peer, callingAe, timeoutMs, signal }: SendOptions,
  use: (association: Requester) => Promise<T>,
): Promise<T> {
  const socket = connect({ host: peer.host, port: peer.port, noDelay: true });
  socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`no answer for ${timeoutMs} ms`)));
  const abort = (): void => void socket.destroy(new Error("stopped"));
  signal.addEventListener("abort", abort);
  socket.on("error", () => {});
  try {
    await once(socket, "connect");
    const requester = new Requester(socket, contexts);
    await requester.associate({ calledAe: peer.aeTitle, callingAe, contexts, maxPduBytes });
    const result = await use(requester);
    await requester.release();
    return result;
  } catch (error) {
    signal.throwIfAborted();
    const why = error instanceof Error ? error.message : String(error);
    throw exchangeError("DICOM_PEER_UNREACHABLE", `${peer.aeTitle} at ${peer.host}:${peer.port}: ${why}`, {
      cause: error,
    });
  } finally {
    signal.removeEventListener("abort", abort);
    socket.destroy();
  }
}

class Requester {
  readonly #socket: Socket;
  readonly #offered: readonly OfferedContext[];
  readonly #pdus: AsyncGenerator<Pdu>;
  #accepted: readonly AnsweredContext[] = [];
  #mostBytes = maxPduBytes;
  #messageId = 0;

  constructor(socket: Socket, offered: readonly OfferedContext[]) {
    this.#socket = socket;
    this.#offered = offered;
    this.#pdus = readPdus(socket, maxPduBytes);
  }

  async associate(request: Parameters<typeof encodeAssociateRequest>[0]): Promise<void> {
    await this.#send(pduBytes(pduTypes.associateRequest, encodeAssociateRequest(request)));
    const { type, body } = await this.#next();
    if (type === pduTypes.associateReject)
      throw new Error(`it rejects the association (result ${body[1]}, source ${body[2]}, reason ${body[3]})`);
    if (type !== pduTypes.associateAccept) throw new Error(`it answers with a unit of type ${type}`);
    const { contexts, maxPduBytes: most } = decodeAssociateAccept(body);
    this.#accepted = contexts.filter(({ result }) => result === 0);
    // 0 means any number; the header of a value takes 6 bytes.
    if (most > 0) this.#mostBytes = Math.max(Math.min(most, maxPduBytes), 64);
  }

  async echo(): Promise<number> {
    const [context] = this.#accepted;
    if (context === undefined) throw new Error("it does not answer C-ECHO");
    const command = new Map<number, string | number>([
      [fields.affectedSopClass, verification],
      [fields.command, commands.echoRequest],
      [fields.dataSetType, noDataSet],
    ]);
    return this.#ask(context.id, command);
  }

  async store(object: ObjectToSend): Promise<SentStatus> {
    const context = this.#accepted.find(({ id }) => {
      const offered = this.#offered.find((one) => one.id === id);
      return (
        offered?.abstractSyntax === object.sopClassUid &&
        offered.transferSyntaxes[0] === object.transferSyntaxUid
      );
    });
    if (context === undefined) return null;
    const command = new Map<number, string | number>([
      [fields.affectedSopClass, object.sopClassUid],
      [fields.command, commands.storeRequest],
      [fields.priority, 0],
      [fields.dataSetType, 1],
      [fields.affectedSopInstance, object.sopInstanceUid],
    ]);
    return this.#ask(context.id, command, object.path);
  }

  async release(): Promise<void> {
    await this.#send(pduBytes(pduTypes.releaseRequest, Buffer.alloc(4)));
    await this.#next();
  }

  async #ask(contextId: number, command: Map<number, string | number>, path?: string): Promise<number> {
    this.#messageId = (this.#messageId % 0xffff) + 1;
    command.set(fields.messageId, this.#messageId);
    await this.#send(dataUnit({ contextId, isCommand: true, isLast: true, bytes: encodeCommand(command) }));
    if (path !== undefined) await this.#sendDataSet(contextId, path);
    const parts: Buffer[] = [];
    while (true) {
      const { type, body } = await this.#next();
      if (type !== pduTypes.data) throw new Error(`it ends the association (unit ${type})`);
      for (const value of dataValues(body)) {
        parts.push(value.bytes);
        if (value.isLast) return numberIn(decodeCommand(Buffer.concat(parts)), fields.status);
      }
    }
  }

  async #sendDataSet(contextId: number, path: string): Promise<void> {
    const start = await dataSetStart(path);
    const chunkBytes = this.#mostBytes - 6;
    let held: Buffer | null = null;
    for await (const chunk of createReadStream(path, { start, highWaterMark: chunkBytes })) {
      if (held !== null)
        await this.#send(dataUnit({ contextId, isCommand: false, isLast: false, bytes: held }));
      held = chunk as Buffer;
    }
    await this.#send(dataUnit({ contextId, isCommand: false, isLast: true, bytes: held ?? Buffer.alloc(0) }));
  }

  #send(bytes: Buffer): Promise<void> {
    return writeTo(this.#socket, bytes);
  }

  async #next(): Promise<Pdu> {
    const { done, value } = await this.#pdus.next();
    if (done === true) throw new Error("it ended the connection");
    return value;
  }
}
