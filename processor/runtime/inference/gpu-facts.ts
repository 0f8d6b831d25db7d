import { execFile } from "node:child_process";
import { access, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

/** The facts about the NVIDIA driver and its GPUs that a process can read without loading CUDA. */
export interface GpuFacts {
  /**
   * The version of the kernel's driver, such as `580.65.06`; null if there is none. Containers see it even without
   * access to a GPU.
   */
  readonly kernelDriver: string | null;
  /** True if the dynamic linker can find `libcuda.so.1`. */
  readonly hasDriverLibrary: boolean;
  /** `/dev/nvidia0`, …, or WSL's `/dev/dxg`. */
  readonly devices: readonly string[];
  readonly isContainer: boolean;
  /** The GPUs that nvidia-smi reports; null if it is missing or fails. */
  readonly gpus: readonly Gpu[] | null;
}

export interface Gpu {
  readonly name: string;
  /** For example `8.6`. */
  readonly computeCapability: string;
  readonly memoryBytes: number;
  readonly freeMemoryBytes: number;
  readonly driver: string;
}

export interface GpuFactsOptions {
  /** The folder that contains `proc`, `dev`, `etc` and the libraries. */
  readonly root?: string;
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** Reads the facts. It never fails. */
export async function readGpuFacts({
  root = "/",
  environment = process.env,
}: GpuFactsOptions = {}): Promise<GpuFacts> {
  const [kernelDriver, hasDriverLibrary, devices, isContainer, gpus] = await Promise.all([
    readKernelDriver(root),
    findDriverLibrary(root, environment),
    listDevices(root),
    isInContainer(root),
    askNvidiaSmi(environment),
  ]);
  return { kernelDriver, hasDriverLibrary, devices, isContainer, gpus };
}

/**
 * Reads the version from a line such as `NVRM version: NVIDIA UNIX Open Kernel Module for x86_64 580.65.06 Release
 * Build …`.
 */
async function readKernelDriver(root: string): Promise<string | null> {
  const text = await readFile(join(root, "proc/driver/nvidia/version"), "utf8").catch(() => "");
  return /Kernel Module\s+(?:for \S+\s+)?(\d+(?:\.\d+)+)/.exec(text)?.[1] ?? null;
}

const driverLibrary = "libcuda.so.1";

/** The folders that need no entry in the linker's cache, and the folders of WSL and Singularity. */
const libraryFolders = [
  "usr/lib/x86_64-linux-gnu",
  "usr/lib64",
  "usr/lib",
  "usr/local/nvidia/lib64",
  "usr/lib/wsl/lib",
  ".singularity.d/libs",
];

async function findDriverLibrary(
  root: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<boolean> {
  const own = (environment["LD_LIBRARY_PATH"] ?? "").split(":").filter((folder) => folder !== "");
  const folders = [...own, ...libraryFolders.map((folder) => join(root, folder))];
  const found = await Promise.all(folders.map((folder) => isThere(join(folder, driverLibrary))));
  if (found.includes(true)) return true;
  const cache = await readFile(join(root, "etc/ld.so.cache"), "latin1").catch(() => "");
  const listed = [...cache.matchAll(/\/[^\0]*\/libcuda\.so\.1(?=\0)/g)].map(([path]) => path);
  return (await Promise.all(listed.map((path) => isThere(join(root, path))))).includes(true);
}

async function listDevices(root: string): Promise<readonly string[]> {
  const names = await readdir(join(root, "dev")).catch(() => []);
  return names.filter((name) => /^(nvidia\d+|dxg)$/.test(name)).map((name) => `/dev/${name}`);
}

async function isInContainer(root: string): Promise<boolean> {
  const marks = [".dockerenv", "run/.containerenv", ".singularity.d"];
  return (await Promise.all(marks.map((mark) => isThere(join(root, mark))))).includes(true);
}

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

const query = ["name", "compute_cap", "memory.total", "memory.free", "driver_version"];

async function askNvidiaSmi(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<readonly Gpu[] | null> {
  const args = [`--query-gpu=${query.join(",")}`, "--format=csv,noheader,nounits"];
  const reply = await promisify(execFile)("nvidia-smi", args, {
    timeout: 20_000,
    env: { PATH: "/usr/bin:/bin", ...environment },
  }).catch(() => null);
  if (reply === null) return null;
  const gpus = reply.stdout.split("\n").flatMap((line) => gpuOf(line) ?? []);
  return gpus.length === 0 ? null : gpus;
}

/**
 * Parses a line such as `NVIDIA A10G, 8.6, 23028, 22563, 580.65.06`. The memory is in MiB, or `[N/A]` if the GPU shares
 * the machine's memory.
 */
function gpuOf(line: string): Gpu | null {
  const [name, computeCapability, total, free, driver] = line.split(",").map((field) => field.trim());
  if (name === undefined || driver === undefined) return null;
  if (!/^\d+\.\d+$/.test(computeCapability ?? "")) return null;
  const bytes = (mebibytes: string | undefined) => {
    const count = Number(mebibytes);
    return Number.isFinite(count) ? count * 2 ** 20 : Number.POSITIVE_INFINITY;
  };
  return {
    name,
    driver,
    computeCapability: computeCapability!,
    memoryBytes: bytes(total),
    freeMemoryBytes: bytes(free),
  };
}
