import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { repositoryRoot } from "../golden.js";
import type { ProgramRun } from "../programs/run-program.js";

/** A running server: the program that an image for grand-challenge starts. */
export interface AlgorithmServer {
  /** Has no slash at the end. */
  readonly address: string;
  /** The process id of the child that does the work. */
  workingProcessId(): number;
  /** What the program has written so far. */
  readonly texts: { out: string; err: string };
  /** Resolves when the program has written `text` to stdout; rejects if it ends before. */
  said(text: string): Promise<void>;
  /** Does the same for stderr. */
  complained(text: string): Promise<void>;
  /** Waits until the program ends by itself. */
  ended(): Promise<ProgramRun>;
  /** Sends the signal and waits until the program ends. */
  stop(signal: NodeJS.Signals): Promise<ProgramRun>;
}

const program = join(repositoryRoot, "dist", "processor", "runtime", "main.js");

/** Starts `invoke` on a free port, and returns as soon as the port answers. */
export async function startAlgorithmServer(args: readonly string[]): Promise<AlgorithmServer> {
  const child = spawn(process.execPath, [program, "invoke", "--port", "0", ...args], {
    cwd: "/",
    env: { PATH: process.env["PATH"], HOME: "/nonexistent" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const texts = { out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    texts.out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    texts.err += text;
  });
  const closed = once(child, "close") as Promise<[number | null]>;
  const said = (text: string) => untilSaid(child.stdout, () => texts.out.includes(text));
  const ended = async (): Promise<ProgramRun> => ({ exitCode: (await closed)[0], ...texts });
  await said("listening on port ");
  const port = /listening on port (\d+)/.exec(texts.out)![1]!;
  return {
    address: `http://localhost:${port}`,
    workingProcessId: () => Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8")),
    texts,
    said,
    complained: (text) => untilSaid(child.stderr, () => texts.err.includes(text)),
    ended,
    async stop(signal) {
      child.kill(signal);
      return ended();
    },
  };
}

/** Waits for text on a stream. Another listener, which was added before, collects the text. */
async function untilSaid(stream: Readable, isSaid: () => boolean): Promise<void> {
  const end = once(stream, "close").then(() => {
    throw new Error("the program ended before it wrote the text that the test waits for");
  });
  // The program always ends some time. That is an error only while the loop below still waits.
  end.catch(() => {});
  while (!isSaid()) await Promise.race([once(stream, "data"), end]);
}
