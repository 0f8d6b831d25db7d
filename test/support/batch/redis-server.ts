import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../network/free-port.js";

/** A Redis of its own for a test, on a free port, with an append-only file. */
export interface RedisServer {
  readonly address: string;
  readonly port: number;
  /** Ends the server as a power cut does, and starts it again with what its file holds. */
  restart(): Promise<void>;
  /** Ends the server as a power cut does. */
  stop(): Promise<void>;
}

async function start(folder: string, port: number, options: readonly string[]): Promise<ChildProcess> {
  const words = ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, "--save", ""];
  const child = spawn("redis-server", [...words, ...options], { stdio: ["ignore", "pipe", "ignore"] });
  child.stdout!.setEncoding("utf8");
  let text = "";
  for await (const part of child.stdout!) {
    text += part as string;
    if (text.includes("Ready to accept connections")) break;
  }
  if (child.exitCode !== null) throw new Error(`redis-server ended: ${text}`);
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGKILL");
  await exit;
}

/** @param options replace those of a server that fits */
export async function withRedis<T>(
  use: (server: RedisServer) => Promise<T>,
  options: readonly string[] = ["--appendonly", "yes", "--appendfsync", "always"],
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "redis-"));
  const port = await freePort();
  let child = await start(folder, port, options);
  try {
    return await use({
      address: `redis://127.0.0.1:${port}`,
      port,
      restart: async () => {
        await end(child);
        child = await start(folder, port, options);
      },
      stop: () => end(child),
    });
  } finally {
    await end(child);
    rmSync(folder, { recursive: true, force: true });
  }
}
