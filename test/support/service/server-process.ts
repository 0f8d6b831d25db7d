import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { repositoryRoot } from "../golden.js";

/** `build_processor serve` in a process of its own. */
export interface ServerProcess {
  readonly child: ChildProcess;
  /** What it has written so far, for people and as JSON. */
  readonly texts: { err: string; out: string };
  /** Resolves with the first match; rejects if the program ends before. */
  said(pattern: RegExp): Promise<RegExpExecArray>;
  /** Resolves with the exit code. */
  readonly ended: Promise<number | null>;
}

/** Starts a server on a free port. It ends with the test. */
export function startServer(
  folder: string,
  flags: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): ServerProcess {
  const program = join(repositoryRoot, "dist", "build_processor.js");
  const usual = ["--output-dir", "jobs", "--cache-dir", "cache", "--port", "0", "--device", "cpu"];
  const child = spawn(process.execPath, [program, "serve", ...usual, ...flags], {
    cwd: folder,
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const texts = { err: "", out: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    texts.out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    texts.err += text;
  });
  const ended = once(child, "close").then(([code]) => code as number | null);
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  const said = async (pattern: RegExp): Promise<RegExpExecArray> => {
    for (;;) {
      const found = pattern.exec(texts.err);
      if (found !== null) return found;
      const end = ended.then((code) => {
        throw new Error(`the server ended with ${code} before it wrote ${pattern}: ${texts.err}`);
      });
      end.catch(() => {});
      await Promise.race([once(child.stderr, "data"), end]);
    }
  };
  return { child, texts, said, ended };
}

/** Returns the address of a server, as soon as it listens. */
export const addressOf = async (server: ServerProcess): Promise<string> =>
  (await server.said(/listening on (\S+)/))[1]!;
