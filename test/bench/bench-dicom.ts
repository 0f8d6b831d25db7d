import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { repositoryRoot } from "../support/golden.js";
import { writeDicomSeries } from "../support/images/dicom-builder.js";
import { type BenchRow, megabytes, seconds } from "./bench-row.js";
import { writeJpeg2000Series } from "./jpeg2000-series.js";
import { measureProcess, type ProcessMeasurement } from "./measure-process.js";
import { nnunetBin } from "./nnunet-peer.js";
import { syntheticCt } from "./synthetic-volumes.js";

const sizeZyx = [600, 512, 512] as const;
/** Fewer slices would measure how long workers take to start and code to be compiled, and more would take long to write. */
const compressedSizeZyx = [300, 512, 512] as const;
const voxels = sizeZyx[0] * sizeZyx[1] * sizeZyx[2];
/** The median of this many runs is taken. */
const runs = 3;

/** The type of the voxels: that of the stored values, or the one that nnU-Net works on. */
type VoxelType = "stored" | "float32";
const bytesOf = { stored: 2, float32: 4 } as const;

interface Reading {
  readonly seconds: number;
  readonly peakMegabytes: number;
  readonly sha256: string;
}

/** Measures reading a CT of 600 slices of 512 × 512, uncompressed, in memory or on the disk, and one of 300 slices in JPEG 2000. */
export async function benchDicom(): Promise<readonly BenchRow[]> {
  const scratch = mkdtempSync(join(tmpdir(), "bench-dicom-"));
  try {
    const folder = join(scratch, "ct");
    const place = { spacingMmZyx: [1.25, 0.8, 0.8], originMmXyz: [-200, -200, -300] } as const;
    writeDicomSeries(folder, { voxels: Int16Array.from(syntheticCt(sizeZyx)), sizeZyx, ...place });
    const compressed = join(scratch, "jpeg-2000");
    await writeJpeg2000Series(compressed, {
      voxels: Int16Array.from(syntheticCt(compressedSizeZyx)),
      sizeZyx: compressedSizeZyx,
      ...place,
    });
    const warm = await compare(folder, async () => {});
    const jpeg2000 = await compare(compressed, async () => {});
    const cold = await compare(folder, () => evict(folder));
    const types = ["stored", "float32"] as const;
    return [
      ...types.map((type) => timeRow("in memory", type, warm)),
      ...types.map((type) => timeRow("on the disk", type, cold)),
      jpeg2000Row(jpeg2000),
      ...types.map((type) => memoryRow(type, warm)),
      ...types.map((type) => voxelRow(type, warm)),
    ];
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

interface Compared {
  readonly ours: Readonly<Record<VoxelType, Reading>>;
  readonly peer: Reading & {
    /** The peer's time until it has its image of the stored type, and until it has the float32 array that nnU-Net's reader makes. */
    readonly secondsOf: Readonly<Record<VoxelType, number>>;
  };
}

const what = (type: VoxelType): string => `DICOM CT 600×512×512 ${type === "stored" ? "int16" : type}`;

function timeRow(where: string, type: VoxelType, { ours, peer }: Compared): BenchRow {
  const [mine, other] = [ours[type].seconds, peer.secondsOf[type]];
  return {
    what: `${what(type)}, ${where}: time`,
    ours: seconds(mine),
    peer: seconds(other),
    goal: `${(mine / other).toFixed(2)}× (goal ≤ 0.5×)`,
    isReached: mine <= 0.5 * other,
  };
}

function memoryRow(type: VoxelType, { ours, peer }: Compared): BenchRow {
  const most = (voxels * bytesOf[type]) / 1e6 + 200;
  return {
    what: `${what(type)}: peak memory`,
    ours: megabytes(ours[type].peakMegabytes),
    peer: megabytes(peer.peakMegabytes),
    goal: `≤ ${megabytes(most)}`,
    isReached: ours[type].peakMegabytes <= most,
  };
}

const voxelRow = (type: VoxelType, { ours, peer }: Compared): BenchRow => ({
  what: `${what(type)}: voxels`,
  ours: ours[type].sha256.slice(0, 12),
  peer: peer.sha256.slice(0, 12),
  goal: "equal",
  isReached: ours[type].sha256 === peer.sha256,
});

function jpeg2000Row({ ours: { stored }, peer }: Compared): BenchRow {
  const other = peer.secondsOf.stored;
  return {
    what: "DICOM CT 300×512×512 int16, lossless JPEG 2000: time",
    ours: seconds(stored.seconds),
    peer: seconds(other),
    goal: `${(stored.seconds / other).toFixed(2)}× (goal ≤ 1.0×), ${stored.sha256 === peer.sha256 ? "equal voxels" : "other voxels"}`,
    isReached: stored.seconds <= other && stored.sha256 === peer.sha256,
  };
}

/** Runs both in turn, so that a busy machine is busy for both. */
async function compare(folder: string, prepare: () => Promise<void>): Promise<Compared> {
  const stored: Reading[] = [];
  const float32: Reading[] = [];
  const peers: Compared["peer"][] = [];
  for (let i = 0; i < runs; i++) {
    await prepare();
    stored.push(await readOurs(folder, "stored"));
    await prepare();
    float32.push(await readOurs(folder, "float32"));
    await prepare();
    peers.push(await readPeer(folder));
  }
  return { ours: { stored: median(stored), float32: median(float32) }, peer: median(peers) };
}

const median = <T extends Reading>(readings: readonly T[]): T =>
  readings.toSorted((a, b) => a.seconds - b.seconds)[Math.floor(readings.length / 2)]!;

async function readOurs(folder: string, type: VoxelType): Promise<Reading> {
  const program = join(repositoryRoot, "dist", "test", "bench", "read-dicom.js");
  const measured = await measureProcess([process.execPath, program, folder, type]);
  return { ...(JSON.parse(measured.stdout) as Pick<Reading, "seconds" | "sha256">), ...peakOf(measured) };
}

async function readPeer(folder: string): Promise<Compared["peer"]> {
  const measured = await measureProcess([
    join(nnunetBin(), "python"),
    peerScript("simpleitk_dicom.py"),
    folder,
  ]);
  const found = JSON.parse(measured.stdout) as {
    readonly volumeSeconds: number;
    readonly arraySeconds: number;
    readonly sha256: string;
  };
  return {
    seconds: found.arraySeconds,
    secondsOf: { stored: found.volumeSeconds, float32: found.arraySeconds },
    sha256: found.sha256,
    ...peakOf(measured),
  };
}

const peakOf = ({ peakMegabytes }: ProcessMeasurement) => ({ peakMegabytes });

const peerScript = (name: string): string => join(repositoryRoot, "test", "bench", "peer", name);

async function evict(folder: string): Promise<void> {
  await measureProcess(["python3", peerScript("evict_files.py"), folder]);
}
