/**
 * `npm run bench:gpu`: the processor of the CUDA image against the real nnU-Net on the same GPU, in one run. Lays the
 * image's files into `.bench/gpu` and installs nnU-Net into `.bench/venv` first; needs no Docker.
 * `--cuda 12` for the other image, `--wheels DIR` for wheels that are here, `--rehearse` for the same steps on the CPU
 * with a small volume, to see that the command works where there is no GPU. Results go to `out/bench-gpu.json` as well.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { findGpuProblem } from "../../processor/runtime/inference/cuda-check.js";
import { readGpuFacts } from "../../processor/runtime/inference/gpu-facts.js";
import { chooseVariant, cudaMajors, readVersions } from "../../src/base-image/variants.js";
import { repositoryRoot } from "../support/golden.js";
import type { BenchRow } from "./bench-row.js";
import { benchGpuFullSize } from "./gpu-full-size.js";
import { benchGpuGolden } from "./gpu-golden.js";
import { layImageRoot } from "./gpu-image-root.js";
import type { GpuBench } from "./gpu-run.js";
import { nnunetBin } from "./nnunet-peer.js";

const { values } = parseArgs({
  options: { cuda: { type: "string" }, wheels: { type: "string" }, rehearse: { type: "boolean" } },
});
const isRehearsal = values.rehearse === true;
const cuda = cudaMajors.find((major) => major === values.cuda) ?? readVersions().defaultCuda;
if (values.cuda !== undefined && values.cuda !== cuda) throw new Error(`there is no CUDA ${values.cuda}`);
const variant = chooseVariant("cuda", cuda);
const facts = await readGpuFacts();
const problem = findGpuProblem(facts, {
  requirements: readVersions().variants[variant].cuda,
  memoryBytes: 0,
});

if (problem !== null && !isRehearsal) {
  console.error(`${problem.code}: ${problem.message}.`);
  process.exitCode = 5;
} else {
  await bench();
}

async function bench(): Promise<void> {
  const machine = `${variant}, ${facts.gpus?.[0]?.name ?? "no GPU"}, driver ${facts.kernelDriver ?? "none"}, Node ${process.version}`;
  console.log(`${new Date().toISOString().slice(0, 10)}, ${machine}\n`);
  const scratch = mkdtempSync(join(tmpdir(), "bench-gpu-"));
  try {
    if (!isRehearsal) requireCudaOfPeer();
    const root = await layImageRoot(variant, join(repositoryRoot, ".bench", "gpu"), values.wheels ?? null);
    const setting: GpuBench = { root, scratch, isRehearsal };
    const rows: BenchRow[] = [...(await benchGpuGolden(setting)), ...(await benchGpuFullSize(setting))];
    for (const { isReached, what, ours, peer, goal } of rows)
      console.log(
        [
          isReached ? "  ok  " : " MISS ",
          what.padEnd(48),
          ours.padEnd(24),
          (peer ?? "").padEnd(20),
          goal,
        ].join(" "),
      );
    mkdirSync(join(repositoryRoot, "out"), { recursive: true });
    writeFileSync(
      join(repositoryRoot, "out", "bench-gpu.json"),
      `${JSON.stringify({ machine, rows }, null, 2)}\n`,
    );
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Before anything runs for long: a torch without CUDA, or for a newer driver, would end the peer only later. */
function requireCudaOfPeer(): void {
  const test = "import sys, torch; sys.exit(0 if torch.cuda.is_available() else 1)";
  const { status } = spawnSync(join(nnunetBin(), "python"), ["-c", test], { stdio: "inherit" });
  if (status !== 0)
    throw new Error(
      "nnU-Net's torch finds no CUDA here: NNUNET_VENV names an environment whose torch fits this driver",
    );
}
