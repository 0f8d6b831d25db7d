import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { HashAnswer, HashTask } from "./hash-worker.js";

/** Shared memory for bytes on their way to a thread. Slots are used again, because fresh memory costs more than a copy. */
export type Slot = Uint8Array<SharedArrayBuffer>;

export const slotBytes = 1 << 20;

/** The most slots of a stream that wait for the thread. */
const mostWaiting = 8;

/** The most slots that are kept while nothing is hashed. */
const mostFree = 32;

const free: Slot[] = [];

export const takeSlot = (): Slot => free.pop() ?? new Uint8Array(new SharedArrayBuffer(slotBytes));

export function releaseSlot(slot: Slot): void {
  if (free.length < mostFree) free.push(slot);
}

/** A stream that is hashed on another thread. */
export interface HashedStream {
  /** Hands a slot over. Resolves when more may follow. */
  send(slot: Slot, length: number): Promise<void>;
  /** Returns the digest in hexadecimal. */
  end(): Promise<string>;
  /** Forgets the stream; without effect after its end. */
  drop(): void;
}

/** Opens a stream on a thread of its own where the machine has the cores, and otherwise on the one with the fewest. */
export function openHashedStream(): HashedStream {
  const usable = threads.filter(({ failure }) => failure === null);
  const [idlest] = usable.toSorted((a, b) => a.streams - b.streams);
  const mayStart = usable.length < Math.min(mostThreads, availableParallelism());
  if (idlest !== undefined && (idlest.streams === 0 || !mayStart)) return idlest.open();
  const thread = new HashThread();
  threads.push(thread);
  return thread.open();
}

/** A file's, its tar's and its frame's bytes. */
const mostThreads = 3;

interface OpenStream {
  /** The slots that the thread has not hashed, the oldest first. */
  readonly waiting: Slot[];
  /** Called when fewer slots wait, or when the thread has failed. */
  wake: (() => void) | null;
  ended: { readonly resolve: (digest: string) => void; readonly reject: (error: Error) => void } | null;
  isDropped: boolean;
}

/** A thread and the streams on it. It keeps the process alive only while it hashes. */
class HashThread {
  readonly #worker = new Worker(new URL("./hash-worker.js", import.meta.url));
  readonly #streams = new Map<number, OpenStream>();
  #failure: Error | null = null;
  #opened = 0;

  constructor() {
    this.#worker.unref();
    this.#worker.on("message", (answer: HashAnswer) => this.#answered(answer));
    this.#worker.on("error", (error) => this.#fail(error));
  }

  get streams(): number {
    return this.#streams.size;
  }

  get failure(): Error | null {
    return this.#failure;
  }

  open(): HashedStream {
    this.#opened += 1;
    const stream = this.#opened;
    const state: OpenStream = { waiting: [], wake: null, ended: null, isDropped: false };
    this.#streams.set(stream, state);
    this.#worker.ref();
    return {
      send: async (slot, length) => {
        if (this.#failure !== null) throw this.#failure;
        state.waiting.push(slot);
        this.#post({ kind: "bytes", stream, slot, length });
        if (state.waiting.length < mostWaiting) return;
        await new Promise<void>((resolve) => {
          state.wake = resolve;
        });
        if (this.#failure !== null) throw this.#failure;
      },
      end: () => {
        if (this.#failure !== null) return Promise.reject(this.#failure);
        return new Promise((resolve, reject) => {
          state.ended = { resolve, reject };
          this.#post({ kind: "end", stream });
        });
      },
      drop: () => {
        if (this.#streams.get(stream) !== state || state.isDropped) return;
        state.isDropped = true;
        this.#post({ kind: "drop", stream });
        if (state.waiting.length === 0) this.#close(stream);
      },
    };
  }

  #post(task: HashTask): void {
    this.#worker.postMessage(task);
  }

  #answered(answer: HashAnswer): void {
    const state = this.#streams.get(answer.stream);
    if (state === undefined) return;
    if (answer.kind === "digest") {
      this.#close(answer.stream);
      state.ended?.resolve(answer.digest);
      return;
    }
    releaseSlot(state.waiting.shift()!);
    if (state.isDropped && state.waiting.length === 0) this.#close(answer.stream);
    if (state.waiting.length > mostWaiting / 2) return;
    state.wake?.();
    state.wake = null;
  }

  #close(stream: number): void {
    this.#streams.delete(stream);
    if (this.#streams.size === 0) this.#worker.unref();
  }

  #fail(error: Error): void {
    this.#failure = error;
    for (const { wake, ended } of this.#streams.values()) {
      wake?.();
      ended?.reject(error);
    }
    this.#streams.clear();
  }
}

const threads: HashThread[] = [];
