import { type SpawnOptions, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

export interface ProcessMeasurement {
  readonly wallSeconds: number;
  /** Largest memory of the process and its descendants (PSS), sampled up to 20 times a second; Linux only. */
  readonly peakMegabytes: number;
  readonly stdout: string;
}

/** Runs a command from start to exit and measures it from outside. Rejects when it exits with another code than 0. */
export async function measureProcess(
  command: readonly [string, ...string[]],
  options: SpawnOptions = {},
): Promise<ProcessMeasurement> {
  const start = process.hrtime.bigint();
  const child = spawn(command[0], command.slice(1), { ...options, stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr?.on("data", (chunk: Buffer) => {
    stderr = (stderr + chunk.toString()).slice(-4000);
  });
  let peak = 0;
  let sampler: NodeJS.Timeout;
  const sample = (): void => {
    const begun = performance.now();
    if (child.pid !== undefined) peak = Math.max(peak, residentMegabytesOfTree(child.pid));
    // Counting a large process takes a while: it must not take from what is measured.
    sampler = setTimeout(sample, Math.max(50, 30 * (performance.now() - begun)));
  };
  sampler = setTimeout(sample, 50);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  }).finally(() => clearTimeout(sampler));
  const wallSeconds = Number(process.hrtime.bigint() - start) / 1e9;
  if (code !== 0) throw new Error(`${command.join(" ")} exited with ${code}:\n${stderr}`);
  return { wallSeconds, peakMegabytes: peak, stdout };
}

function residentMegabytesOfTree(root: number): number {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync("/proc")) {
    const stat = Number.isInteger(Number(entry)) ? readOrNull(`/proc/${entry}/stat`) : null;
    if (stat === null) continue;
    const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
    children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
  }
  const sumOf = (pid: number): number =>
    proportionalMegabytes(pid) + (children.get(pid) ?? []).reduce((sum, child) => sum + sumOf(child), 0);
  return sumOf(root);
}

/** Pages shared by several processes count once in all (PSS): a plain sum would charge forked workers for their parent. */
function proportionalMegabytes(pid: number): number {
  const rollup = readOrNull(`/proc/${pid}/smaps_rollup`);
  return (Number(/^Pss:\s+(\d+) kB/m.exec(rollup ?? "")?.[1] ?? 0) * 1024) / 1e6;
}

/** A process may end between listing and reading. */
function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return null;
  }
}
