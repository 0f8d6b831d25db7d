import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { goldenPath, repositoryRoot } from "../support/golden.js";
import type { BenchRow } from "./bench-row.js";
import { fullSizeModel } from "./gpu-full-size.js";
import { convertModel, type GpuBench } from "./gpu-run.js";
import { measureProcess } from "./measure-process.js";
import type { OperatorTime } from "./profile-network.js";

const noGoal = { goal: "for information", isReached: true } as const;

/** Lists the operators of the float16 graph that take most of the time, by ONNX Runtime's own profile. */
export async function profileNetwork(bench: GpuBench): Promise<readonly BenchRow[]> {
  const isSmall = bench.isRehearsal;
  const model = isSmall
    ? goldenPath("v2", "blobs_3d_fullres", "model")
    : await fullSizeModel(bench, "network");
  const converted = join(bench.scratch, "profiled");
  await convertModel({ model, folds: ["0"], converted });
  const network = readdirSync(converted, { recursive: true, encoding: "utf8" }).find((file) =>
    file.endsWith("network.gpu.onnx"),
  );
  const [program, mainFile] = bench.root.command;
  const profiler = join(dirname(fileURLToPath(import.meta.url)), "profile-network.js");
  const printed = execFileSync(
    program,
    [profiler, mainFile!, join(converted, network!), bench.isRehearsal ? "cpu" : "cuda"],
    { env: bench.root.env, encoding: "utf8", maxBuffer: 1 << 26 },
  );
  const operators = JSON.parse(printed) as readonly OperatorTime[];
  return operators.slice(0, 12).map(({ operator, milliseconds, count }) => ({
    ...noGoal,
    what: `profile: ${operator}`,
    ours: `${milliseconds.toFixed(1)} ms, ${count}×`,
  }));
}

/** Measures the full-size network in torch, window by window, to show how much a faster runtime could gain. */
export async function rooflineOfTorch(bench: GpuBench): Promise<readonly BenchRow[]> {
  if (bench.peerBin === null) return [];
  const model = await fullSizeModel(bench, "network");
  const { stdout } = await measureProcess([
    join(bench.peerBin, "python"),
    join(repositoryRoot, "test", "bench", "peer", "nnunet_roofline.py"),
    model,
    // Six stages halve a window five times, so that 64 is the smallest power of two that leaves more than one voxel.
    ...(bench.isRehearsal ? ["cpu", "64"] : ["cuda", "128"]),
  ]);
  const rows = JSON.parse(stdout.trim().split("\n").at(-1)!) as readonly {
    readonly what: string;
    readonly milliseconds: number;
  }[];
  return rows.map(({ what, milliseconds }) => ({
    ...noGoal,
    what: `torch, one window: ${what}`,
    ours: "",
    peer: `${milliseconds.toFixed(1)} ms`,
  }));
}
