import { PassThrough } from "node:stream";
import { finished } from "node:stream/promises";
import { setTimeout as delay } from "node:timers/promises";
import type { Container, ContainerStats } from "dockerode";
import type { Engine } from "../engine.js";
import { isInUse, isNotFound } from "../engine-error.js";
import { type ContainerLog, ContainerLogReader } from "./container-log.js";

/** The result of a container. */
export interface ContainerEnd {
  /** 137 if SIGKILL ended it, 143 if SIGTERM did. */
  readonly exitCode: number;
  /** True if the kernel ended one of its processes because of the limit `Memory`. */
  readonly isOutOfMemory: boolean;
  readonly seconds: number;
  /**
   * The peak by the rule of `docker stats`: includes /tmp, but not the file cache that can be dropped. Null
   * if the run was too short to measure.
   */
  readonly peakMemoryBytes: number | null;
  readonly log: ContainerLog;
}

export interface RunningContainer {
  readonly id: string;
  readonly ended: Promise<ContainerEnd>;
  readonly hasEnded: () => boolean;
  /** Resolves at the first byte of output, or at the end. */
  readonly spoke: Promise<void>;
  /** Returns the peak so far. */
  readonly peakMemoryBytes: () => number | null;
  /** Returns all of stdout. Use it only for programs with little output. */
  readonly output: () => string;
  /** Sends a signal. Does nothing if the container has ended. */
  kill(signal: "SIGTERM" | "SIGKILL"): Promise<void>;
}

export interface StartContainerOptions {
  readonly engine: Engine;
  readonly container: Container;
  /** Kills the container when aborted. */
  readonly signal: AbortSignal;
  /** Receives what the container writes as it comes; null to only keep its end. */
  readonly onOutput: OutputListener | null;
}

export type OutputListener = (stream: "stdout" | "stderr", text: string) => void;

const samplesEveryMs = 100;
const keptOutputBytes = 65536;

/** Starts a created container and follows it to its end. */
export async function startContainer(options: StartContainerOptions): Promise<RunningContainer> {
  const { engine, container, signal, onOutput } = options;
  const log = new ContainerLogReader();
  let output = "";
  let heard = (): void => {};
  const spoke = new Promise<void>((resolve) => {
    heard = resolve;
  });
  const streams = await container.attach({ stream: true, stdout: true, stderr: true });
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  stdout.on("data", (bytes: Buffer) => {
    if (output.length < keptOutputBytes) output += bytes.toString("utf8");
    log.take("stdout", bytes);
    onOutput?.("stdout", bytes.toString("utf8"));
    heard();
  });
  stderr.on("data", (bytes: Buffer) => {
    log.take("stderr", bytes);
    onOutput?.("stderr", bytes.toString("utf8"));
    heard();
  });
  engine.docker.modem.demuxStream(streams, stdout, stderr);
  const kill = (name: "SIGTERM" | "SIGKILL"): Promise<void> =>
    container.kill({ signal: name }).then(() => {}, unlessEnded);
  const stop = (): void => void kill("SIGKILL").catch(() => {});
  const sampler = new MemorySampler(container);
  const began = performance.now();
  await container.start();
  signal.addEventListener("abort", stop);
  if (signal.aborted) stop();
  sampler.begin();
  let hasEnded = false;
  const follow = async (): Promise<ContainerEnd> => {
    const { StatusCode: exitCode } = (await container.wait()) as { readonly StatusCode: number };
    hasEnded = true;
    const seconds = (performance.now() - began) / 1000;
    signal.removeEventListener("abort", stop);
    sampler.end();
    await finished(streams, { writable: false });
    heard();
    const { State } = await container.inspect();
    const { peakBytes: peakMemoryBytes } = sampler;
    return { exitCode, isOutOfMemory: State.OOMKilled, seconds, peakMemoryBytes, log: log.finish() };
  };
  const ended = follow();
  ended.catch(heard); // the caller that awaits `ended` receives the error
  return {
    id: container.id,
    ended,
    hasEnded: () => hasEnded,
    spoke,
    peakMemoryBytes: () => sampler.peakBytes,
    output: () => output,
    kill,
  };
}

/** Polls the memory, because engines do not report a peak without the file cache. */
class MemorySampler {
  peakBytes: number | null = null;
  readonly #stop = new AbortController();

  readonly #container: Container;

  constructor(container: Container) {
    this.#container = container;
  }

  begin(): void {
    void this.#run().catch(() => {}); // a container that has just ended has no statistics
  }

  end(): void {
    this.#stop.abort();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const stats = await this.#container.stats({ stream: false, "one-shot": true });
      const bytes = usedBytes(stats);
      if (bytes !== null) this.peakBytes = Math.max(this.peakBytes ?? 0, bytes);
      await delay(samplesEveryMs, undefined, { signal });
    }
  }
}

/** Computes the used memory by the rule of `docker stats`, for both versions of control groups. */
function usedBytes({ memory_stats }: ContainerStats): number | null {
  const { usage, stats } = memory_stats as {
    readonly usage?: number;
    readonly stats?: Readonly<Record<string, number>>;
  };
  if (usage === undefined) return null;
  const cache = stats?.["total_inactive_file"] ?? stats?.["inactive_file"] ?? 0;
  return cache < usage ? usage - cache : usage;
}

function unlessEnded(error: unknown): void {
  if (!isNotFound(error) && !isInUse(error)) throw error;
}
