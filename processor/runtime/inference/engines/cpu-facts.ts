import { readFileSync } from "node:fs";
import { arch, availableParallelism, cpus } from "node:os";

/** The facts about a CPU that decide which program computes networks fastest on it. */
export interface CpuFacts {
  /** The name that the CPU itself gives. */
  readonly model: string;
  readonly instructions: InstructionSet;
  /** True if the CPU multiplies numbers of the format bfloat16. */
  readonly hasBfloat16: boolean;
}

/** A maker and its widest instructions, such as `Intel AVX-512`. */
export type InstructionSet = string;

/** Reads the facts of this machine's CPU. */
export const readCpuFacts = (): CpuFacts => cpuFactsOf(readOrEmpty("/proc/cpuinfo"), cpus()[0]?.model ?? "");

/** @param cpuinfo the text of Linux's /proc/cpuinfo; empty on other systems */
export function cpuFactsOf(cpuinfo: string, model: string): CpuFacts {
  const field = (name: string) => new RegExp(`^${name}\\s*: (.*)$`, "m").exec(cpuinfo)?.[1] ?? "";
  const flags = new Set((field("flags") || field("Features")).split(" "));
  const maker = { GenuineIntel: "Intel", AuthenticAMD: "AMD" }[field("vendor_id")] ?? "other";
  const widest = flags.has("avx512f") ? "AVX-512" : flags.has("avx2") ? "AVX2" : arch();
  return {
    model: model.trim() || field("model name") || "unknown",
    instructions: `${maker} ${widest}`,
    hasBfloat16: ["amx_bf16", "avx512_bf16", "bf16"].some((flag) => flags.has(flag)),
  };
}

/**
 * Returns the number of threads that compute: the cores that this process may use, according to the system and to the
 * control group's share of time, which `docker run --cpus` sets.
 */
export const computingThreads = (
  cores = availableParallelism(),
  readGroup: (file: string) => string = readOrEmpty,
): number => Math.max(1, Math.min(cores, Math.ceil(groupCores(readGroup))));

/** Returns the control group's cores, such as 1.5; infinity without a limit. */
function groupCores(read: (file: string) => string): number {
  const [quota, period] = read("/sys/fs/cgroup/cpu.max").trim().split(" ").map(Number);
  if (quota !== undefined && period !== undefined && quota > 0) return quota / period;
  const older = (name: string) => Number(read(`/sys/fs/cgroup/cpu/cpu.${name}`).trim());
  const cores = older("cfs_quota_us") / older("cfs_period_us");
  return cores > 0 ? cores : Number.POSITIVE_INFINITY;
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return "";
  }
}
