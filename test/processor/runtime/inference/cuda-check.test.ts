import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { isAtLeast, runsOn } from "../../../../processor/contract/gpu-requirements.js";
import { cudaLoadError, findGpuProblem } from "../../../../processor/runtime/inference/cuda-check.js";
import { type GpuFacts, readGpuFacts } from "../../../../processor/runtime/inference/gpu-facts.js";
import type { Gpu } from "../../../../processor/runtime/inference/nvidia-smi.js";
import { visibleGpus } from "../../../../processor/runtime/inference/visible-gpus.js";
import { readVersions } from "../../../../src/base-image/variants.js";

const { cuda12, cuda13 } = readVersions().variants;
const gib = 2 ** 30;

const a10g: GpuFacts = {
  kernelDriver: "580.65.06",
  hasDriverLibrary: true,
  devices: ["/dev/nvidia0"],
  isContainer: true,
  ...seen([gpu("NVIDIA A10G", "8.6")]),
};

function gpu(name: string, computeCapability: string, freeMemoryBytes = 22 * gib) {
  const id = `GPU-${name.replaceAll(/\W/g, "").toLowerCase()}`;
  return {
    index: 0,
    id,
    name,
    computeCapability,
    memoryBytes: 24 * gib,
    freeMemoryBytes,
    driver: "580.65.06",
  };
}

/** The GPUs that nvidia-smi reports, numbered as given, of which CUDA shows those that CUDA_VISIBLE_DEVICES names. */
function seen(listed: readonly Gpu[], visibleDevices: string | null = null) {
  const machine = listed.map((one, index) => ({ ...one, index }));
  const environment = visibleDevices === null ? {} : { CUDA_VISIBLE_DEVICES: visibleDevices };
  return { machine, visibleDevices, ...visibleGpus(machine, environment) };
}

describe("the problem that keeps CUDA from running", () => {
  test.each<{ name: string; facts: Partial<GpuFacts>; code: string; words: RegExp }>([
    {
      name: "a container on a GPU host that was started without --gpus",
      facts: { hasDriverLibrary: false, devices: [], gpus: null, machine: null },
      code: "DEVICE_MISSING",
      words: /host has NVIDIA driver 580\.65\.06, but this container has no access to a GPU.*--gpus all/,
    },
    {
      name: "a container on a host without a driver",
      facts: { kernelDriver: null, hasDriverLibrary: false, devices: [], gpus: null, machine: null },
      code: "DEVICE_MISSING",
      words: /libcuda\.so\.1 is missing.*--gpus all.*container toolkit/,
    },
    {
      name: "a machine without a driver",
      facts: {
        kernelDriver: null,
        hasDriverLibrary: false,
        devices: [],
        gpus: null,
        machine: null,
        isContainer: false,
      },
      code: "DEVICE_MISSING",
      words: /this machine has no NVIDIA driver.*install it/,
    },
    {
      name: "a driver without a GPU",
      facts: { devices: [], gpus: null, machine: null, isContainer: false },
      code: "DEVICE_MISSING",
      words: /no \/dev\/nvidia0.*nvidia-smi/,
    },
    {
      name: "a driver that is too old",
      facts: { kernelDriver: "570.86.15" },
      code: "DEVICE_UNFIT",
      words: /570\.86\.15 is too old for CUDA 13\.0, which needs 580\.65\.06.*--cuda 12/,
    },
    {
      name: "a GPU that is too old",
      facts: seen([gpu("Tesla V100", "7.0")]),
      code: "DEVICE_UNFIT",
      words: /Tesla V100 has compute capability 7\.0, but .*7\.5, 8\.0.*--cuda 12/,
    },
    {
      name: "a newer GPU for which the provider has no machine code",
      facts: seen([gpu("NVIDIA B200", "10.0")]),
      code: "DEVICE_UNFIT",
      words: /NVIDIA B200 has compute capability 10\.0/,
    },
    {
      name: "a GPU whose memory other programs use",
      facts: seen([gpu("NVIDIA A10G", "8.6", gib)]),
      code: "DEVICE_UNFIT",
      words:
        /NVIDIA A10G has 1\.0 GiB of its 24\.0 GiB free, but this network needs 2\.0 GiB: stop the other programs/,
    },
    {
      name: "a GPU that is too small",
      facts: seen([{ ...gpu("NVIDIA T400", "7.5", gib), memoryBytes: 1.5 * gib }]),
      code: "DEVICE_UNFIT",
      words: /NVIDIA T400 has 1\.5 GiB of memory, but this network needs 2\.0 GiB: use a larger GPU/,
    },
    {
      name: "an unsuitable GPU that CUDA_VISIBLE_DEVICES names next to a suitable one",
      facts: seen([gpu("NVIDIA A10G", "8.6"), gpu("Tesla V100", "7.0")], "1,0"),
      code: "DEVICE_UNFIT",
      words: /GPU 1 \(Tesla V100\) has compute capability 7\.0/,
    },
    {
      name: "CUDA_VISIBLE_DEVICES that names no GPU of the machine",
      facts: seen([gpu("NVIDIA A10G", "8.6")], "2"),
      code: "DEVICE_MISSING",
      words: /CUDA_VISIBLE_DEVICES is "2", which .* it has 0 \(NVIDIA A10G, GPU-nvidiaa10g\)/,
    },
    {
      name: "CUDA_VISIBLE_DEVICES that is empty",
      facts: seen([gpu("NVIDIA A10G", "8.6")], ""),
      code: "DEVICE_MISSING",
      words: /CUDA_VISIBLE_DEVICES is "", which hides every GPU/,
    },
    {
      name: "a GPU that is divided into no part",
      facts: seen([]),
      code: "DEVICE_MISSING",
      words: /divided by MIG/,
    },
  ])("is reported for $name in one sentence with a remedy", ({ facts, code, words }) => {
    const problem = findGpuProblem(
      { ...a10g, ...facts },
      { requirements: cuda13.cuda, memoryBytes: 2 * gib },
    );
    expect(problem?.code).toBe(code);
    expect(problem?.message).toMatch(words);
    expect(problem?.message).not.toContain("\n");
  });

  test("is null for a suitable GPU, and for an unsuitable one next to it", () => {
    const needs = { requirements: cuda13.cuda, memoryBytes: 2 * gib };
    expect(findGpuProblem(a10g, needs)).toBeNull();
    const two = { ...a10g, ...seen([gpu("Tesla V100", "7.0"), gpu("NVIDIA A10G", "8.6")]) };
    expect(findGpuProblem(two, needs)).toBeNull();
  });

  test("is null if nvidia-smi does not respond but the driver and a device exist", () => {
    expect(
      findGpuProblem({ ...a10g, gpus: null, machine: null }, { requirements: cuda13.cuda, memoryBytes: gib }),
    ).toBeNull();
  });
});

describe("the table of versions", () => {
  test.each([
    { gpuName: "V100", capability: "7.0", runs: { cuda12: true, cuda13: false } },
    { gpuName: "T4", capability: "7.5", runs: { cuda12: true, cuda13: true } },
    { gpuName: "A100", capability: "8.0", runs: { cuda12: true, cuda13: true } },
    { gpuName: "Orin", capability: "8.7", runs: { cuda12: true, cuda13: true } },
    { gpuName: "H200", capability: "9.0", runs: { cuda12: true, cuda13: true } },
    { gpuName: "B200", capability: "10.0", runs: { cuda12: true, cuda13: false } },
    { gpuName: "RTX 5090", capability: "12.0", runs: { cuda12: true, cuda13: true } },
    { gpuName: "GTX 980", capability: "5.2", runs: { cuda12: false, cuda13: false } },
  ])("states which code runs on $gpuName ($capability)", ({ capability, runs }) => {
    expect({ cuda12: runsOn(cuda12.cuda!, capability), cuda13: runsOn(cuda13.cuda!, capability) }).toEqual(
      runs,
    );
  });

  test.each([
    { version: "580.105.08", minimum: "580.65.06", expected: true },
    { version: "580.65.06", minimum: "580.65.06", expected: true },
    { version: "580.65", minimum: "580.65.06", expected: false },
    { version: "575.57.08", minimum: "580.65.06", expected: false },
  ])("compares driver $version with $minimum number by number", ({ version, minimum, expected }) => {
    expect(isAtLeast(version, minimum)).toBe(expected);
  });
});

describe("facts about the driver and the GPU", () => {
  const folders: string[] = [];
  afterAll(() => {
    for (const folder of folders) rmSync(folder, { recursive: true });
  });

  function rootWith(files: Readonly<Record<string, string>>): string {
    const root = mkdtempSync(join(tmpdir(), "gpu-facts-"));
    folders.push(root);
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text, { mode: 0o755 });
    }
    return root;
  }

  test.each([
    "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12 19:39:15 UTC 2024\n",
    "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  535.183.01  Release Build  (dvs-builder@U22)\n",
  ])("are read from the kernel, the library folders and the devices: %s", async (version) => {
    const root = rootWith({
      "proc/driver/nvidia/version": version,
      "usr/lib/x86_64-linux-gnu/libcuda.so.1": "",
      "dev/nvidia0": "",
      "dev/nvidiactl": "",
      ".dockerenv": "",
    });
    expect(await readGpuFacts({ root, environment: { PATH: root } })).toEqual({
      kernelDriver: "535.183.01",
      hasDriverLibrary: true,
      devices: ["/dev/nvidia0"],
      isContainer: true,
      gpus: null,
      machine: null,
      order: "free",
      visibleDevices: null,
    });
  });

  test("include the driver's library from the linker's cache, but only if the file exists", async () => {
    const cache = "ld.so-1.7.0\0glibc\0libcuda.so.1\0/opt/driver/lib/libcuda.so.1\0";
    const root = rootWith({ "etc/ld.so.cache": cache });
    const environment = { PATH: root };
    expect((await readGpuFacts({ root, environment })).hasDriverLibrary).toBe(false);
    mkdirSync(join(root, "opt/driver/lib"), { recursive: true });
    writeFileSync(join(root, "opt/driver/lib/libcuda.so.1"), "");
    expect((await readGpuFacts({ root, environment })).hasDriverLibrary).toBe(true);
  });
});

describe("a failure to load on the GPU", () => {
  const around = (words: string) =>
    `/src/cuda_call.cc:146 std::conditional_t<THRW, void, Status> ${words} ; GPU=0 ; hostname=c ; expr=cudaMalloc(0); \n\n`;

  test.each([
    { words: "CUDA failure 2: out of memory", code: "OUT_OF_MEMORY" },
    { words: "CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED", code: "OUT_OF_MEMORY" },
    {
      words: "CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version",
      code: "DEVICE_UNFIT",
    },
    {
      words: "CUDA failure 209: no kernel image is available for execution on the device",
      code: "DEVICE_UNFIT",
    },
    { words: "CUDNN failure 1001: CUDNN_STATUS_NOT_INITIALIZED", code: "DEVICE_MISSING" },
  ])("is $code for “$words”, without C++ locations", ({ words, code }) => {
    const error = cudaLoadError(around(words));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(new RegExp(`: ${words}$`));
  });

  test("keeps messages that do not come from CUDA", () => {
    expect(cudaLoadError("Failed to load shared library")).toMatchObject({
      code: "DEVICE_MISSING",
      message: "CUDA was requested, but does not load: Failed to load shared library",
    });
  });
});
