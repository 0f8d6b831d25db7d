import { type SpawnOptions, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

export interface ProcessMeasurement {
  readonly wallSeconds: number;
  /** The time of all cores that the process and its descendants used; on Linux only, and if nothing else is measured. */
  readonly cpuSeconds: number;
  /** The largest memory of the process and its descendants (PSS), sampled up to 20 times a second; on Linux only. */
  readonly peakMegabytes: number;
  readonly stdout: string;
}

/** Runs a command and measures it from outside. Rejects if its exit code is not 0. */
export async function measureProcess(
  command: readonly [string, ...string[]],
  options: SpawnOptions = {},
): Promise<ProcessMeasurement> {
  const usedBefore = secondsOfEndedChildren();
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
    // Reading the memory of a large process takes a while, and must not slow down the measured program.
    sampler = setTimeout(sample, Math.max(50, 30 * (performance.now() - begun)));
  };
  sampler = setTimeout(sample, 50);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  }).finally(() => clearTimeout(sampler));
  const wallSeconds = Number(process.hrtime.bigint() - start) / 1e9;
  if (code !== 0) throw new Error(`${command.join(" ")} exited with ${code}:\n${stderr}`);
  const cpuSeconds = secondsOfEndedChildren() - usedBefore;
  return { wallSeconds, cpuSeconds, peakMegabytes: peak, stdout };
}

/** Returns the time of all cores that ended descendants of this process used. */
function secondsOfEndedChildren(): number {
  const stat = readOrNull("/proc/self/stat") ?? "";
  const [user, system] = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .slice(13, 15)
    .map(Number);
  return ((user ?? 0) + (system ?? 0)) / clockTicksPerSecond;
}

/** Linux's unit in /proc, which is the same on all of its platforms that Node has. */
const clockTicksPerSecond = 100;

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

/** Returns the PSS, which counts a shared page once in all. Resident sizes would count a parent's pages again for each fork. */
function proportionalMegabytes(pid: number): number {
  const rollup = readOrNull(`/proc/${pid}/smaps_rollup`);
  return (Number(/^Pss:\s+(\d+) kB/m.exec(rollup ?? "")?.[1] ?? 0) * 1024) / 1e6;
}

/** Returns null if the process has ended since it was listed. */
function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return null;
  }
}
