import { access, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { askNvidiaSmi, type Gpu } from "./nvidia-smi.js";
import { type Environment, type GpuOrder, visibleGpus } from "./visible-gpus.js";

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
  /** The GPUs that CUDA shows to this process; null if nvidia-smi is missing or fails. */
  readonly gpus: readonly Gpu[] | null;
  readonly order: GpuOrder;
  /** All GPUs that nvidia-smi reports, of which CUDA_VISIBLE_DEVICES may hide some; null if they are unknown. */
  readonly machine: readonly Gpu[] | null;
  /** The value of CUDA_VISIBLE_DEVICES; null if it is not set. */
  readonly visibleDevices: string | null;
}

export interface GpuFactsOptions {
  /** The folder that contains `proc`, `dev`, `etc` and the libraries. */
  readonly root?: string;
  readonly environment?: Environment;
}

/** Reads the facts. It never fails. */
export async function readGpuFacts({
  root = "/",
  environment = process.env,
}: GpuFactsOptions = {}): Promise<GpuFacts> {
  const [kernelDriver, hasDriverLibrary, devices, isContainer, machine] = await Promise.all([
    readKernelDriver(root),
    findDriverLibrary(root, environment),
    listDevices(root),
    isInContainer(root),
    askNvidiaSmi(environment),
  ]);
  const { gpus, order } = visibleGpus(machine ?? [], environment);
  return {
    kernelDriver,
    hasDriverLibrary,
    devices,
    isContainer,
    gpus: machine === null ? null : gpus,
    order,
    machine,
    visibleDevices: environment["CUDA_VISIBLE_DEVICES"] ?? null,
  };
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

async function findDriverLibrary(root: string, environment: Environment): Promise<boolean> {
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
