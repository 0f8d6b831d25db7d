/**
 * `npm run bench:gpu [-- STEP …]`: compares the processor of the CUDA image with the real nnU-Net on the same GPU.
 * Writes the image's files to `.bench/gpu` and installs nnU-Net into `.bench/venv` first; needs no Docker.
 * The steps are golden, full-size, resampled, roofline and profile; without a name, the first three run. `FASTSEG_VENV` names
 * an environment with FastSegmentator, which is then measured, too. `--cuda 12`
 * measures the image for CUDA 12, `--wheels DIR` takes wheels from a folder, `--kit` runs the processor of the kit that
 * this program is in (gpu-kit/README.md), and `--rehearse` runs the steps on the CPU. The results are also written to
 * `out/bench-gpu.json`.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { findGpuProblem } from "../../processor/runtime/inference/cuda-check.js";
import { readGpuFacts } from "../../processor/runtime/inference/gpu-facts.js";
import { readRecipe } from "../../src/base-image/recipe.js";
import { chooseVariant, cudaMajors, readVersions } from "../../src/base-image/variants.js";
import { repositoryRoot } from "../support/golden.js";
import type { BenchRow } from "./bench-row.js";
import { findFastSegmentator } from "./fast-segmentator.js";
import { benchGpuFullSize } from "./gpu-full-size.js";
import { benchGpuGolden } from "./gpu-golden.js";
import { layImageRoot } from "./gpu-image-root.js";
import { kitRoot } from "./gpu-kit/kit-root.js";
import { profileNetwork, rooflineOfTorch } from "./gpu-network.js";
import type { GpuBench } from "./gpu-run.js";
import { nnunetBin } from "./nnunet-peer.js";

const steps: Readonly<Record<string, (bench: GpuBench) => Promise<readonly BenchRow[]>>> = {
  golden: benchGpuGolden,
  "full-size": (bench) => benchGpuFullSize(bench, "network"),
  resampled: (bench) => benchGpuFullSize(bench, "resampled"),
  roofline: rooflineOfTorch,
  profile: profileNetwork,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    cuda: { type: "string" },
    wheels: { type: "string" },
    kit: { type: "boolean", default: false },
    rehearse: { type: "boolean", default: false },
  },
});
const isRehearsal = values.rehearse;
const cuda = cudaMajors.find((major) => major === values.cuda) ?? readVersions().defaultCuda;
if (values.cuda !== undefined && values.cuda !== cuda) throw new Error(`there is no CUDA ${values.cuda}`);
const wanted = positionals.length === 0 ? ["golden", "full-size", "resampled"] : positionals;
for (const name of wanted)
  if (!(name in steps)) throw new Error(`no step ${name}; there are ${Object.keys(steps).join(", ")}`);
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

/** Runs a step. A step that fails does not stop the others, because time on the machine is short. */
async function bench(): Promise<void> {
  const fastSegmentator = findFastSegmentator(process.env);
  const scratch = mkdtempSync(join(tmpdir(), "bench-gpu-"));
  const rows: BenchRow[] = [];
  try {
    const peerBin = values.kit ? peerOfKit() : nnunetBin();
    if (!isRehearsal) requireCudaOfPeer(peerBin);
    const machine = `${new Date().toISOString().slice(0, 10)}, ${await machineOf(peerBin)}`;
    console.log(`${machine}\n`);
    const laid = join(repositoryRoot, ".bench", "gpu");
    const root = values.kit ? kitRoot(peerBin) : await layImageRoot(variant, laid, values.wheels ?? null);
    for (const name of wanted)
      for (const row of await rowsOf(name, { root, scratch, peerBin, fastSegmentator, isRehearsal })) {
        rows.push(row);
        console.log(lineOf(row));
        writeResults({ machine, rows });
      }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Names the GPU, the driver, and the versions of both programs. */
async function machineOf(peerBin: string | null): Promise<string> {
  const { gpu, versions } = await readRecipe(variant);
  const script =
    "import torch, importlib.metadata as m; print('nnunetv2', m.version('nnunetv2') + ', torch', torch.__version__)";
  const peer =
    peerBin === null
      ? "no nnU-Net"
      : execFileSync(join(peerBin, "python"), ["-c", script], { encoding: "utf8" }).trim();
  return [
    `${variant}: ONNX Runtime ${versions["onnxruntime-gpu"]}, CUDA ${gpu?.cuda}, cuDNN ${gpu?.cudnn}`,
    `${facts.gpus?.[0]?.name ?? "no GPU"}, driver ${facts.kernelDriver ?? "none"}`,
    `Node ${process.version}`,
    peer,
  ].join("; ");
}

async function rowsOf(name: string, setting: GpuBench): Promise<readonly BenchRow[]> {
  try {
    return await steps[name]!(setting);
  } catch (error) {
    console.error(error);
    process.exitCode = 1;
    return [{ what: name, ours: "failed", goal: "runs", isReached: false }];
  }
}

function lineOf({ isReached, what, ours, peer, goal }: BenchRow): string {
  const mark = isReached ? "  ok  " : " MISS ";
  return [mark, what.padEnd(48), ours.padEnd(24), (peer ?? "").padEnd(20), goal].join(" ");
}

function writeResults(results: { readonly machine: string; readonly rows: readonly BenchRow[] }): void {
  const folder = join(repositoryRoot, "out");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "bench-gpu.json"), `${JSON.stringify(results, null, 2)}\n`);
}

/** Returns the `bin` folder of an environment with nnU-Net, or null in a rehearsal without one. */
function peerOfKit(): string | null {
  const venv = process.env["NNUNET_VENV"] ?? join(repositoryRoot, "venv");
  if (existsSync(venv)) return join(venv, "bin");
  if (isRehearsal) return null;
  throw new Error(`the kit's nnU-Net is missing: ${venv} does not exist`);
}

/** Checks torch before anything runs for long: without CUDA, or with a CUDA that is too new for the driver, the peer would
 * fail much later. */
function requireCudaOfPeer(peerBin: string | null): void {
  const test = "import sys, torch; sys.exit(0 if torch.cuda.is_available() else 1)";
  const { status } = spawnSync(join(peerBin ?? "", "python"), ["-c", test], { stdio: "inherit" });
  if (status !== 0)
    throw new Error(
      "nnU-Net's torch finds no CUDA here; set NNUNET_VENV to an environment whose torch fits this driver",
    );
}
