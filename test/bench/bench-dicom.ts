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
const compressedSizeZyx = [60, 512, 512] as const;
const volumeMegabytes = (sizeZyx[0] * sizeZyx[1] * sizeZyx[2] * 4) / 1e6;
/** The median of this many runs is taken. */
const runs = 3;

interface Reading {
  readonly seconds: number;
  readonly peakMegabytes: number;
  readonly sha256: string;
}

/** Measures reading a CT of 600 slices of 512 × 512, uncompressed, in memory or on the disk, and one of 60 slices in JPEG 2000. */
export async function benchDicom(): Promise<readonly BenchRow[]> {
  const scratch = mkdtempSync(join(tmpdir(), "bench-dicom-"));
  try {
    const folder = join(scratch, "ct");
    const place = { spacingMmZyx: [1.25, 0.8, 0.8], originMmXyz: [-200, -200, -300] } as const;
    writeDicomSeries(folder, { voxels: Int16Array.from(syntheticCt(sizeZyx)), sizeZyx, ...place });
    const compressed = join(scratch, "jpeg-2000");
    const voxels = Int16Array.from(syntheticCt(compressedSizeZyx));
    await writeJpeg2000Series(compressed, { voxels, sizeZyx: compressedSizeZyx, ...place });
    const warm = await compare(folder, async () => {});
    const jpeg2000 = await compare(compressed, async () => {});
    const cold = await compare(folder, () => evict(folder));
    return [
      timeRow("in memory", warm),
      timeRow("on the disk", cold),
      jpeg2000Row(jpeg2000),
      {
        what: "DICOM CT 600×512×512: peak memory",
        ours: megabytes(warm.ours.peakMegabytes),
        peer: megabytes(warm.peer.peakMegabytes),
        goal: `≤ ${megabytes(volumeMegabytes + 200)}`,
        isReached: warm.ours.peakMegabytes <= volumeMegabytes + 200,
      },
      {
        what: "DICOM CT 600×512×512: voxels",
        ours: warm.ours.sha256.slice(0, 12),
        peer: warm.peer.sha256.slice(0, 12),
        goal: "equal",
        isReached: warm.ours.sha256 === warm.peer.sha256,
      },
    ];
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

interface Compared {
  readonly ours: Reading;
  /** The peer's time until it has a float32 array, as nnU-Net's reader makes one; ours has float32 voxels too. */
  readonly peer: Reading & { readonly volumeSeconds: number };
}

const timeRow = (where: string, { ours, peer }: Compared): BenchRow => ({
  what: `DICOM CT 600×512×512, ${where}: time`,
  ours: seconds(ours.seconds),
  peer: `${seconds(peer.seconds)} (int16: ${seconds(peer.volumeSeconds)})`,
  goal: `${(ours.seconds / peer.seconds).toFixed(2)}× (goal ≤ 0.5×; int16: ${(ours.seconds / peer.volumeSeconds).toFixed(2)}×)`,
  isReached: ours.seconds <= 0.5 * peer.seconds,
});

const jpeg2000Row = ({ ours, peer }: Compared): BenchRow => ({
  what: "DICOM CT 60×512×512, lossless JPEG 2000: time",
  ours: seconds(ours.seconds),
  peer: `${seconds(peer.seconds)} (int16: ${seconds(peer.volumeSeconds)})`,
  goal: `${(ours.seconds / peer.volumeSeconds).toFixed(2)}× of int16 (goal ≤ 1.0×), ${ours.sha256 === peer.sha256 ? "equal voxels" : "other voxels"}`,
  isReached: ours.seconds <= peer.volumeSeconds && ours.sha256 === peer.sha256,
});

/** Runs both in turn, so that a busy machine is busy for both. */
async function compare(folder: string, prepare: () => Promise<void>): Promise<Compared> {
  const ours: Reading[] = [];
  const peers: Compared["peer"][] = [];
  for (let i = 0; i < runs; i++) {
    await prepare();
    ours.push(await readOurs(folder));
    await prepare();
    peers.push(await readPeer(folder));
  }
  return { ours: median(ours), peer: median(peers) };
}

const median = <T extends Reading>(readings: readonly T[]): T =>
  readings.toSorted((a, b) => a.seconds - b.seconds)[Math.floor(readings.length / 2)]!;

async function readOurs(folder: string): Promise<Reading> {
  const program = join(repositoryRoot, "dist", "test", "bench", "read-dicom.js");
  const measured = await measureProcess([process.execPath, program, folder]);
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
    volumeSeconds: found.volumeSeconds,
    sha256: found.sha256,
    ...peakOf(measured),
  };
}

const peakOf = ({ peakMegabytes }: ProcessMeasurement) => ({ peakMegabytes });

const peerScript = (name: string): string => join(repositoryRoot, "test", "bench", "peer", name);

async function evict(folder: string): Promise<void> {
  await measureProcess(["python3", peerScript("evict_files.py"), folder]);
}
