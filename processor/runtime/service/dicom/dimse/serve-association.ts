import type { Socket } from "node:net";
import { answerTo } from "./accepted.js";
import { type AssociateRequest, decodeAssociateRequest, encodeAssociateAccept } from "./association-units.js";
import {
  type CommandSet,
  commands,
  decodeCommand,
  encodeCommand,
  fields,
  noDataSet,
  numberIn,
  textIn,
} from "./command-set.js";
import { type DataValue, dataUnit, dataValues } from "./data-values.js";
import { type IncomingObject, openIncoming } from "./incoming-object.js";
import { type Pdu, ProtocolError, pduBytes, pduTypes, readPdus, writeTo } from "./read-pdus.js";
import type { ReceiverOptions } from "./receiver-options.js";

export interface AssociationOptions extends ReceiverOptions {
  /** Returns whether there are too many connections. */
  readonly isFull: () => boolean;
}

const maxPduBytes = 1 << 18;
/** The time in which a connection must become an association. */
const associationMs = 30_000;
const longestCommand = 1 << 14;

/** Reasons to refuse an association (PS3.8, 9.3.4): result, source, reason. */
const refusals = {
  unknownCaller: [1, 1, 3],
  otherName: [1, 1, 7],
  full: [2, 3, 2],
} as const;

/**
 * Serves one connection to its end.
 *
 * @throws ProtocolError, after the connection was aborted
 */
export async function serveAssociation(socket: Socket, options: AssociationOptions): Promise<void> {
  const association = new Association(socket, options);
  const deadline = setTimeout(() => socket.destroy(), associationMs);
  // Errors end the loop below; one that comes after it must not end the program.
  socket.on("error", () => {});
  try {
    for await (const pdu of readPdus(socket.iterator({ destroyOnReturn: false }), maxPduBytes)) {
      if (!(await association.take(pdu))) break;
      clearTimeout(deadline);
    }
  } catch (error) {
    if (socket.writable) socket.write(pduBytes(pduTypes.abort, Buffer.from([0, 0, 2, 0])));
    if (!isHangUp(error)) throw error;
  } finally {
    clearTimeout(deadline);
    await association.discard();
    socket.destroySoon();
  }
}

const isHangUp = (error: unknown): boolean =>
  ["ECONNRESET", "EPIPE", "ERR_STREAM_PREMATURE_CLOSE", "ABORT_ERR"].includes(
    (error as NodeJS.ErrnoException).code ?? "",
  );

class Association {
  readonly #socket: Socket;
  readonly #options: AssociationOptions;
  /** The transfer syntaxes of the accepted contexts; null before the association. */
  #syntaxes: ReadonlyMap<number, string> | null = null;
  /** The parts of a command that has not arrived completely. */
  #commandParts: Buffer[] = [];
  #commandBytes = 0;
  #command: CommandSet | null = null;
  #incoming: IncomingObject | null = null;

  constructor(socket: Socket, options: AssociationOptions) {
    this.#socket = socket;
    this.#options = options;
  }

  /** @returns false at the end of the association */
  async take({ type, body }: Pdu): Promise<boolean> {
    if (this.#syntaxes === null) {
      if (type !== pduTypes.associateRequest) throw new ProtocolError("the first unit is not a request");
      return this.#associate(decodeAssociateRequest(body));
    }
    if (type === pduTypes.abort) return false;
    if (type === pduTypes.releaseRequest) {
      await this.#send(pduBytes(pduTypes.releaseResponse, Buffer.alloc(4)));
      return false;
    }
    if (type !== pduTypes.data) throw new ProtocolError(`a unit of type ${type} within an association`);
    for (const value of dataValues(body)) await this.#takeValue(value);
    return true;
  }

  /** Removes what has arrived of an object. */
  async discard(): Promise<void> {
    await this.#incoming?.discard();
    this.#incoming = null;
  }

  async #associate(request: AssociateRequest): Promise<boolean> {
    const { aeTitle, acceptedAes, isFull } = this.#options;
    const refusal = isFull()
      ? refusals.full
      : request.calledAe !== aeTitle
        ? refusals.otherName
        : acceptedAes !== null && !acceptedAes.includes(request.callingAe)
          ? refusals.unknownCaller
          : null;
    if (refusal !== null) {
      await this.#send(pduBytes(pduTypes.associateReject, Buffer.from([0, ...refusal])));
      return false;
    }
    const contexts = request.contexts.map(answerTo);
    this.#syntaxes = new Map(
      contexts.filter(({ result }) => result === 0).map(({ id, transferSyntax }) => [id, transferSyntax]),
    );
    const accept = encodeAssociateAccept(request, { contexts, maxPduBytes });
    await this.#send(pduBytes(pduTypes.associateAccept, accept));
    return true;
  }

  async #takeValue(value: DataValue): Promise<void> {
    const syntax = this.#syntaxes!.get(value.contextId);
    if (syntax === undefined) throw new ProtocolError("data of a context that was not accepted");
    if (value.isCommand) await this.#takeCommand(value, syntax);
    else await this.#takeData(value);
  }

  async #takeCommand({ contextId, isLast, bytes }: DataValue, syntax: string): Promise<void> {
    if (this.#command !== null) throw new ProtocolError("a command before the data of the last one");
    this.#commandParts.push(bytes);
    // Empty parts count, too, because each takes memory.
    this.#commandBytes += bytes.length + 1;
    if (this.#commandBytes > longestCommand)
      throw new ProtocolError(`a command of more than ${longestCommand} bytes`);
    if (!isLast) return;
    const command = decodeCommand(Buffer.concat(this.#commandParts));
    this.#commandParts = [];
    this.#commandBytes = 0;
    if (numberIn(command, fields.dataSetType) === noDataSet) {
      const isEcho = numberIn(command, fields.command) === commands.echoRequest;
      await this.#respond(contextId, command, isEcho ? 0 : unrecognised);
      return;
    }
    this.#command = command;
    if (numberIn(command, fields.command) !== commands.storeRequest) return;
    this.#incoming = await openIncoming({
      store: this.#options.store,
      maxBytes: this.#options.maxInstanceBytes,
      header: {
        sopClassUid: textIn(command, fields.affectedSopClass),
        sopInstanceUid: textIn(command, fields.affectedSopInstance),
        transferSyntaxUid: syntax,
      },
    });
  }

  async #takeData({ contextId, isLast, bytes }: DataValue): Promise<void> {
    const command = this.#command;
    if (command === null) throw new ProtocolError("data without a command");
    await this.#incoming?.write(bytes);
    if (!isLast) return;
    const status = this.#incoming === null ? unrecognised : await this.#incoming.finish();
    this.#incoming = null;
    this.#command = null;
    await this.#respond(contextId, command, status);
  }

  async #respond(contextId: number, request: CommandSet, status: number): Promise<void> {
    const response = new Map<number, string | number>([
      [fields.command, numberIn(request, fields.command) | 0x8000],
      [fields.respondedTo, numberIn(request, fields.messageId)],
      [fields.dataSetType, noDataSet],
      [fields.status, status],
    ]);
    for (const field of [fields.affectedSopClass, fields.affectedSopInstance])
      if (request.has(field)) response.set(field, textIn(request, field));
    await this.#send(dataUnit({ contextId, isCommand: true, isLast: true, bytes: encodeCommand(response) }));
  }

  #send(bytes: Buffer): Promise<void> {
    return writeTo(this.#socket, bytes);
  }
}

/** The status of a service that this side does not have (PS3.7, annex C). */
const unrecognised = 0x0211;
