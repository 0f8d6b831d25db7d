import { copyFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { writeImage } from "../../processor/imaging/formats/write-image.js";
import { voxelCount, type Zyx } from "../../processor/imaging/volume/axes.js";
import { identityDirection } from "../../processor/imaging/volume/geometry.js";
import type { Image } from "../../processor/imaging/volume/image.js";
import { repositoryRoot } from "../support/golden.js";
import { type BenchRow, megabytes, seconds } from "./bench-row.js";
import { measureProcess, type ProcessMeasurement } from "./measure-process.js";
import { nnunetBin } from "./nnunet-peer.js";
import { syntheticCt } from "./synthetic-volumes.js";

/** The number of CTs; BENCH_TOOLS_CASES makes it smaller: 20 take nnU-Net about 20 minutes on two cores. */
const caseCount = Number(process.env["BENCH_TOOLS_CASES"] ?? 20);
/** Their size in voxels; BENCH_TOOLS_SIZE, such as 100x150x150, makes it smaller. */
const sizeZyx = (process.env["BENCH_TOOLS_SIZE"] ?? "300x400x400").split("x").map(Number) as [
  number,
  number,
  number,
];
const datasetName = "Dataset001_Bench";

/** Measures nnU-Net's tools around training on generated CTs against the real programs, with one worker for each core, or as many as ours takes by itself. */
export async function benchTools(): Promise<readonly BenchRow[]> {
  const scratch = mkdtempSync(join(tmpdir(), "bench-tools-"));
  try {
    const raw = join(scratch, "raw");
    await writeDataset(join(raw, datasetName));
    const folders = (who: string) => ({
      ...process.env,
      nnUNet_raw: raw,
      nnUNet_preprocessed: join(scratch, who, "preprocessed"),
      nnUNet_results: join(scratch, who, "results"),
    });
    for (const who of ["ours", "peer"])
      for (const name of ["preprocessed", "results"])
        mkdirSync(join(scratch, who, name), { recursive: true });
    const workers = String(cpus().length);
    const program = join(repositoryRoot, "dist", "build_processor.js");
    const ours = (...words: readonly string[]) =>
      measureProcess([process.execPath, program, ...words], { env: folders("ours") });
    const peer = (command: string, ...words: readonly string[]) =>
      measureProcess([join(nnunetBin(), command), ...words], { env: folders("peer") });
    const check = `from nnunetv2.experiment_planning.verify_dataset_integrity import verify_dataset_integrity as v\nif __name__ == "__main__": v(${JSON.stringify(join(raw, datasetName))}, ${workers})\n`;
    writeFileSync(join(scratch, "verify.py"), check);
    const rows: BenchRow[] = [];
    const compare = async (
      what: string,
      limits: Limits,
      own: () => Promise<ProcessMeasurement>,
      other: () => Promise<ProcessMeasurement>,
    ) => {
      const runs = limits.runs ?? 1;
      const [mine, theirs] = [await medianOf(runs, own), await medianOf(runs, other)];
      console.log(`${what}: ${seconds(mine.wallSeconds)}, nnU-Net ${seconds(theirs.wallSeconds)}`);
      rows.push(...rowsOf(what, limits, mine, theirs));
    };
    await compare(
      "dataset verify",
      { time: 0.3, memory: null },
      () => ours("dataset", "verify", "1"),
      () => peer("python", join(scratch, "verify.py")),
    );
    await compare(
      "fingerprint",
      { time: 0.2, memory: 0.3 },
      () => ours("fingerprint", "1"),
      () => peer("nnUNetv2_extract_fingerprint", "-d", "1", "-np", workers),
    );
    await compare(
      "plan",
      { time: 0.05, memory: null, runs: 3 },
      () => ours("plan", "1"),
      () => peer("nnUNetv2_plan_experiment", "-d", "1"),
    );
    await compare(
      "preprocess",
      { time: 0.25, memory: 0.4 },
      () => ours("preprocess", "1", "-c", "3d_fullres", "--workers", workers),
      () => peer("nnUNetv2_preprocess", "-d", "1", "-c", "3d_fullres", "-np", workers),
    );
    const references = join(raw, datasetName, "labelsTr");
    const dataset = join(raw, datasetName, "dataset.json");
    const plans = join(scratch, "peer", "preprocessed", datasetName, "nnUNetPlans.json");
    const predictions = (who: string): string => join(scratch, who, "predictions");
    for (const who of ["ours", "peer"]) cpSync(references, predictions(who), { recursive: true });
    await compare(
      "evaluate",
      { time: 0.2, memory: null },
      () => ours("evaluate", references, predictions("ours"), "--dataset-json", dataset),
      () =>
        peer(
          "nnUNetv2_evaluate_folder",
          ...[references, predictions("peer"), "-djfile", dataset, "-pfile", plans, "-np", workers],
        ),
    );
    return rows;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

interface Limits {
  readonly time: number;
  /** Null if memory is not compared. */
  readonly memory: number | null;
  /** How often a short command runs; the median counts. Once if absent. */
  readonly runs?: number;
}

async function medianOf(runs: number, run: () => Promise<ProcessMeasurement>): Promise<ProcessMeasurement> {
  const measured: ProcessMeasurement[] = [];
  for (let i = 0; i < runs; i++) measured.push(await run());
  return measured.toSorted((one, other) => one.wallSeconds - other.wallSeconds)[Math.floor(runs / 2)]!;
}

function rowsOf(
  what: string,
  { time, memory }: Limits,
  own: ProcessMeasurement,
  peer: ProcessMeasurement,
): readonly BenchRow[] {
  const subject = `${what}, ${caseCount} CTs ${sizeZyx.join("×")}`;
  const timeRatio = own.wallSeconds / peer.wallSeconds;
  const memoryRatio = own.peakMegabytes / peer.peakMegabytes;
  return [
    {
      what: `${subject}: time`,
      ours: seconds(own.wallSeconds),
      peer: seconds(peer.wallSeconds),
      goal: `${timeRatio.toFixed(3)}× (goal ≤ ${time})`,
      isReached: timeRatio <= time,
    },
    {
      what: `${subject}: peak memory`,
      ours: megabytes(own.peakMegabytes),
      peer: megabytes(peer.peakMegabytes),
      goal: memory === null ? `${memoryRatio.toFixed(2)}×` : `${memoryRatio.toFixed(2)}× (goal ≤ ${memory})`,
      isReached: memory === null || memoryRatio <= memory,
    },
  ];
}

/** The CTs differ in their spacing only, so that few must be compressed. */
const spacings = 5;

async function writeDataset(folder: string): Promise<void> {
  for (const name of ["imagesTr", "labelsTr"]) mkdirSync(join(folder, name), { recursive: true });
  const ct = Int16Array.from(syntheticCt(sizeZyx));
  const labels = syntheticOrgans(sizeZyx);
  for (let i = 0; i < caseCount; i++) {
    const id = `ct_${String(i).padStart(3, "0")}`;
    const image = join(folder, "imagesTr", `${id}_0000.nii.gz`);
    const label = join(folder, "labelsTr", `${id}.nii.gz`);
    const spacing = 0.9 + 0.01 * (i % spacings);
    if (i >= spacings) {
      const same = `ct_${String(i % spacings).padStart(3, "0")}`;
      copyFileSync(join(folder, "imagesTr", `${same}_0000.nii.gz`), image);
      copyFileSync(join(folder, "labelsTr", `${same}.nii.gz`), label);
      continue;
    }
    await writeImage(imageOf(ct, [1.5, spacing, spacing]), image);
    await writeImage(imageOf(labels, [1.5, spacing, spacing]), label);
  }
  const json = {
    channel_names: { "0": "CT" },
    labels: { background: 0, liver: 1, tumour: 2 },
    numTraining: caseCount,
    file_ending: ".nii.gz",
  };
  writeFileSync(join(folder, "dataset.json"), JSON.stringify(json));
}

function imageOf(voxels: Image["voxels"], spacingMmZyx: Zyx): Image {
  const geometry = {
    sizeZyx,
    spacingMmZyx,
    originMmXyz: [0, 0, 0],
    directionXyz: identityDirection,
    dimensions: 3,
  } as const;
  return { voxels, components: 1, geometry, source: { format: "nifti", path: "", nifti: null } };
}

/** Returns a large ellipsoid with a small one in it. */
function syntheticOrgans([slices, rows, columns]: Zyx): Uint8Array {
  const labels = new Uint8Array(voxelCount([slices, rows, columns]));
  for (let z = 0, i = 0; z < slices; z++)
    for (let y = 0; y < rows; y++)
      for (let x = 0; x < columns; x++, i++) {
        const [u, v, w] = [z / slices - 0.5, y / rows - 0.5, x / columns - 0.4];
        if ((u / 0.25) ** 2 + (v / 0.2) ** 2 + (w / 0.2) ** 2 < 1) labels[i] = 1;
        if ((u / 0.05) ** 2 + (v / 0.05) ** 2 + (w / 0.05) ** 2 < 1) labels[i] = 2;
      }
  return labels;
}
