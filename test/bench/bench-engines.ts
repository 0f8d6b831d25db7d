import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { goldenPath, repositoryRoot } from "../support/golden.js";
import { writeFullSizeCase } from "./bench-full-size.js";
import { type BenchRow, megabytes, seconds } from "./bench-row.js";
import { writeFullSizeModel } from "./full-size-model.js";
import { measureProcess, type ProcessMeasurement } from "./measure-process.js";
import { nnunetBin } from "./nnunet-peer.js";

/** A machine that others use slows down at times, so each program runs several times in turn and its best run counts. */
const rounds = Number(process.env["BENCH_ROUNDS"] ?? 2);

interface Contest {
  readonly name: string;
  readonly model: string;
  readonly input: string;
  readonly folds: readonly string[];
  readonly mirrors: boolean;
  /** The largest share of nnU-Net's time that reaches the goal, for the faster engine. */
  readonly goal: number;
}

/** Whole runs with each engine and with nnU-Net. */
export async function benchEngines(): Promise<readonly BenchRow[]> {
  const scratch = mkdtempSync(join(tmpdir(), "bench-engines-"));
  try {
    const input = join(scratch, "input");
    mkdirSync(input);
    await writeFullSizeCase(input);
    const golden = (name: string) => ({
      ...{
        name,
        model: goldenPath("v2", name, "model"),
        input: goldenPath("v2", name, "input"),
        mirrors: true,
      },
    });
    const contests: readonly Contest[] = [
      { ...golden("blobs_3d_fullres"), folds: ["0", "1"], goal: 0.12 },
      { ...golden("brain_tissue_3d"), folds: ["0"], goal: 0.32 },
      {
        ...{ name: "full-size network, 8 windows", input, folds: ["0"], mirrors: false, goal: 0.45 },
        model: await writeFullSizeModel(join(scratch, "model")),
      },
    ];
    // The first run of each program reads its files from the disk, and waits for what was written above.
    for (const program of programsOf(contests[0]!, scratch)) await program();
    const rows: BenchRow[] = [];
    for (const contest of contests) rows.push(...(await compare(contest, scratch)));
    return rows;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Returns what measures our two engines and nnU-Net. */
function programsOf(contest: Contest, scratch: string): readonly [Measure, Measure, Measure] {
  const { model, input, folds, mirrors } = contest;
  const ours = (engine: string) => () =>
    measureProcess([
      ...([process.execPath, join(repositoryRoot, "dist", "build_processor.js"), "predict"] as const),
      ...["--model-dir", model, "-i", input, "-o", mkdtempSync(join(scratch, "ours-"))],
      ...["--device", "cpu", "--inference-engine", engine, ...(mirrors ? [] : ["--disable-tta"])],
    ]);
  const peer = () =>
    measureProcess([
      join(nnunetBin(), "nnUNetv2_predict_from_modelfolder"),
      ...["-i", input, "-o", mkdtempSync(join(scratch, "peer-")), "-m", model, "-f", ...folds],
      ...["-device", "cpu", ...(mirrors ? [] : ["--disable_tta"])],
    ]);
  return [ours("openvino"), ours("onnxruntime"), peer];
}

async function compare(contest: Contest, scratch: string): Promise<readonly BenchRow[]> {
  const { name, goal } = contest;
  const [openvino, onnxruntime, nnunet] = await bestOf(programsOf(contest, scratch));
  const row = (engine: string, found: ProcessMeasurement): BenchRow => {
    const ratio = found.wallSeconds / nnunet.wallSeconds;
    return {
      what: `${name}: whole run, ${engine}`,
      ours: figures(found),
      peer: figures(nnunet),
      goal: `${ratio.toFixed(2)}× (goal for the faster engine ≤ ${goal}×)`,
      isReached: engine === "ONNX Runtime" || ratio <= goal,
    };
  };
  return [row("OpenVINO", openvino), row("ONNX Runtime", onnxruntime)];
}

/** The time, in brackets the time of all cores, and the memory. Much less than all cores' time means that it waited. */
const figures = ({ wallSeconds, cpuSeconds, peakMegabytes }: ProcessMeasurement): string =>
  `${seconds(wallSeconds)} (${seconds(cpuSeconds)} of CPU), ${megabytes(peakMegabytes)}`;

type Measure = () => Promise<ProcessMeasurement>;

/** Runs all programs in turn, and returns the fastest run of each. */
async function bestOf(programs: readonly [Measure, Measure, Measure]) {
  const best: (ProcessMeasurement | undefined)[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const [i, program] of programs.entries()) {
      const found = await program();
      if (best[i] === undefined || found.wallSeconds < best[i].wallSeconds) best[i] = found;
    }
  }
  return best as [ProcessMeasurement, ProcessMeasurement, ProcessMeasurement];
}
