import { spawn } from "node:child_process";
import { mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import got from "got";

/** A registry on this machine. */
export interface BenchRegistry {
  readonly host: string;
  /** Returns how many bytes the registry holds. */
  readonly bytes: () => number;
  readonly stop: () => void;
}

/** Starts Docker's registry, which must be installed. */
export async function startBenchRegistry(folder: string): Promise<BenchRegistry> {
  const data = join(folder, "data");
  mkdirSync(data, { recursive: true });
  const host = "127.0.0.1:5987";
  const config = {
    version: "0.1",
    log: { level: "error" },
    storage: { filesystem: { rootdirectory: data } },
    http: { addr: host },
  };
  writeFileSync(join(folder, "config.yml"), JSON.stringify(config));
  const child = spawn("docker-registry", ["serve", join(folder, "config.yml")], { stdio: "ignore" });
  for (let isUp = false; !isUp; ) {
    if (child.exitCode !== null) throw new Error("docker-registry did not start");
    isUp = await got(`http://${host}/v2/`, { throwHttpErrors: false, retry: { limit: 0 } }).then(
      () => true,
      () => wait(20, false),
    );
  }
  return { host, bytes: () => folderBytes(data), stop: () => child.kill("SIGKILL") };
}

const folderBytes = (folder: string): number =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
