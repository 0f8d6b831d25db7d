import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chooseGpu, variablesFor } from "../../../../processor/runtime/inference/choose-gpu.js";
import { readGpuFacts } from "../../../../processor/runtime/inference/gpu-facts.js";
import { readVersions } from "../../../../src/base-image/variants.js";

/** A machine's nvidia-smi, which prints what the real one prints for the two questions that are asked. */
const machines = {
  /** The display's small GPU is first on the bus. */
  mixed: {
    table: [
      "0, GPU-1111aaaa-0000, NVIDIA T400, 7.5, 2048, 1500, 580.65.06, [N/A]",
      "1, GPU-2222aaaa-0000, NVIDIA GeForce RTX 3090, 8.6, 24576, 20000, 580.65.06, [N/A]",
      "2, GPU-2222bbbb-0000, NVIDIA GeForce RTX 3090, 8.6, 24576, 24000, 580.65.06, [N/A]",
      "3, GPU-3333aaaa-0000, Tesla V100-SXM2-32GB, 7.0, 32768, 32000, 580.65.06, [N/A]",
    ],
    list: [],
  },
  equal: {
    table: [
      "0, GPU-4444aaaa-0000, NVIDIA A10G, 8.6, 23028, 22563, 580.65.06, [N/A]",
      "1, GPU-4444bbbb-0000, NVIDIA A10G, 8.6, 23028, 22563, 580.65.06, [N/A]",
    ],
    list: [],
  },
  single: { table: ["0, GPU-5555aaaa-0000, NVIDIA GB10, 12.1, [N/A], [N/A], 580.65.06, [N/A]"], list: [] },
  divided: {
    table: [
      "0, GPU-6666aaaa-0000, NVIDIA A100-SXM4-40GB, 8.0, 40960, 40000, 580.65.06, Disabled",
      "1, GPU-6666bbbb-0000, NVIDIA A100-SXM4-40GB, 8.0, 40960, 40000, 580.65.06, Enabled",
    ],
    list: [
      "GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-6666aaaa-0000)",
      "GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-6666bbbb-0000)",
      "  MIG 3g.20gb     Device  0: (UUID: MIG-c738aaaa-0000)",
      "  MIG 1g.5gb      Device  1: (UUID: MIG-c738bbbb-0000)",
    ],
  },
} as const;

let folder = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "gpu-choice-"));
  const program = [
    "#!/bin/sh",
    'case "$1" in',
    '  -L) cat "$GPU_LIST" ;;',
    "  --query-gpu=index,uuid,name,compute_cap,memory.total,memory.free,driver_version,mig.mode.current)",
    '    cat "$GPU_TABLE" ;;',
    "  *) exit 6 ;;",
    "esac",
  ];
  writeFileSync(join(folder, "nvidia-smi"), `${program.join("\n")}\n`);
  chmodSync(join(folder, "nvidia-smi"), 0o755);
  for (const [name, { table, list }] of Object.entries(machines)) {
    writeFileSync(join(folder, `${name}.table`), `${table.join("\n")}\n`);
    writeFileSync(join(folder, `${name}.list`), `${list.join("\n")}\n`);
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

const factsOf = (machine: keyof typeof machines, environment: Readonly<Record<string, string>> = {}) =>
  readGpuFacts({
    root: folder,
    environment: {
      PATH: `${folder}:/usr/bin:/bin`,
      GPU_TABLE: join(folder, `${machine}.table`),
      GPU_LIST: join(folder, `${machine}.list`),
      ...environment,
    },
  });

const needs = { requirements: readVersions().variants.cuda13.cuda, memoryBytes: 2 ** 30 };

describe("the GPUs that CUDA shows", () => {
  // torch 2.15 gives the same numbers for each of these values.
  test.each([
    { value: "0", shown: [0] },
    { value: "2,1", shown: [2, 1] },
    { value: " 1 , 0", shown: [1, 0] },
    { value: "0,1,-1,2", shown: [0, 1] },
    { value: "0,7,1", shown: [0] },
    { value: "0,0", shown: [] },
    { value: "1gpu,0", shown: [1, 0] },
    { value: "+1", shown: [1] },
    { value: "0x1", shown: [0] },
    { value: "", shown: [] },
    { value: "-1", shown: [] },
    { value: "all", shown: [] },
    { value: "NoDevFiles", shown: [] },
    { value: "GPU-2222b", shown: [2] },
    { value: "GPU-2222", shown: [] },
    { value: "GPU-2222bbbb-0000,GPU-1111", shown: [2, 0] },
    { value: "GPU-1111,GPU-1111aaaa-0000", shown: [] },
  ])('are $shown for CUDA_VISIBLE_DEVICES="$value"', async ({ value, shown }) => {
    const { gpus } = await factsOf("mixed", { CUDA_VISIBLE_DEVICES: value });
    expect(gpus!.map(({ index }) => index)).toEqual(shown);
  });

  test("have memory as nvidia-smi reports it; memory that a GPU shares with the machine counts as unlimited", async () => {
    const { gpus: equal } = await factsOf("equal");
    expect(equal![1]).toEqual({
      ...{ index: 1, id: "GPU-4444bbbb-0000", name: "NVIDIA A10G", computeCapability: "8.6" },
      ...{ memoryBytes: 23028 * 2 ** 20, freeMemoryBytes: 22563 * 2 ** 20, driver: "580.65.06" },
    });
    const { gpus: single } = await factsOf("single");
    expect(single![0]).toMatchObject({
      memoryBytes: Number.POSITIVE_INFINITY,
      freeMemoryBytes: Number.POSITIVE_INFINITY,
    });
  });

  test("are the parts of a GPU that MIG has divided, in its place", async () => {
    const { gpus } = await factsOf("divided");
    expect(gpus!.map(({ index, id, name, memoryBytes }) => [index, id, name, memoryBytes])).toEqual([
      [0, "GPU-6666aaaa-0000", "NVIDIA A100-SXM4-40GB", 40960 * 2 ** 20],
      [1, "MIG-c738aaaa-0000", "NVIDIA A100-SXM4-40GB MIG 3g.20gb", 20e9],
      [1, "MIG-c738bbbb-0000", "NVIDIA A100-SXM4-40GB MIG 1g.5gb", 5e9],
    ]);
  });
});

describe("the GPU that runs the networks", () => {
  const cases: readonly {
    readonly machine: keyof typeof machines;
    readonly environment?: Readonly<Record<string, string>>;
    readonly chosen: string | null;
    readonly visible: string | undefined;
    readonly why: string;
  }[] = [
    {
      machine: "mixed",
      chosen: "GPU-2222bbbb-0000",
      visible: "GPU-2222bbbb-0000",
      why: "the largest with code in the image has the most free memory",
    },
    {
      machine: "mixed",
      environment: { CUDA_VISIBLE_DEVICES: "1" },
      chosen: "GPU-2222aaaa-0000",
      visible: "GPU-2222aaaa-0000",
      why: "it is named by nvidia-smi's number",
    },
    {
      machine: "mixed",
      environment: { CUDA_VISIBLE_DEVICES: "1", CUDA_DEVICE_ORDER: "PCI_BUS_ID" },
      chosen: "GPU-2222aaaa-0000",
      visible: "GPU-2222aaaa-0000",
      why: "nvidia-smi's order is that of the bus",
    },
    {
      machine: "mixed",
      environment: { CUDA_VISIBLE_DEVICES: "1", CUDA_DEVICE_ORDER: "FASTEST_FIRST" },
      chosen: null,
      visible: "1",
      why: "only CUDA knows which of different GPUs it believes to be faster",
    },
    {
      machine: "equal",
      environment: { CUDA_VISIBLE_DEVICES: "1", CUDA_DEVICE_ORDER: "FASTEST_FIRST" },
      chosen: "GPU-4444bbbb-0000",
      visible: "GPU-4444bbbb-0000",
      why: "equal GPUs are in the order of the bus",
    },
    {
      machine: "equal",
      chosen: "GPU-4444aaaa-0000",
      visible: "GPU-4444aaaa-0000",
      why: "it is the first of two",
    },
    { machine: "single", chosen: "GPU-5555aaaa-0000", visible: undefined, why: "there is no other" },
    {
      machine: "divided",
      environment: { CUDA_VISIBLE_DEVICES: "MIG-c738b" },
      chosen: "MIG-c738bbbb-0000",
      visible: "MIG-c738bbbb-0000",
      why: "a part is named",
    },
    {
      machine: "divided",
      environment: { CUDA_VISIBLE_DEVICES: "1" },
      chosen: "MIG-c738aaaa-0000",
      visible: "MIG-c738aaaa-0000",
      why: "a divided GPU means its first part",
    },
    {
      machine: "divided",
      environment: { CUDA_VISIBLE_DEVICES: "MIG-GPU-6666bbbb-0000/1/0" },
      chosen: null,
      visible: "MIG-GPU-6666bbbb-0000/1/0",
      why: "only CUDA knows an older name of a part",
    },
  ];

  test.each(cases)("of the machine $machine with $environment is $chosen, because $why", async (one) => {
    const facts = await factsOf(one.machine, one.environment);
    const chosen = chooseGpu(facts, needs);
    expect(chosen?.id ?? null).toBe(one.chosen);
    expect(variablesFor(facts, chosen)["CUDA_VISIBLE_DEVICES"]).toBe(one.visible);
  });
});
