import { crc32 } from "node:zlib";
import {
  createWorkerPool,
  type KernelTasks,
  type WorkerPool,
} from "../../processor/imaging/threads/worker-pool.js";
import { inPieces } from "../ground/files/in-pieces.js";
import { deflatePiece } from "./deflate-piece.js";
import { gzipHeader, gzipTrailer, storedBlocks } from "./stored-gzip.js";

const pieceBytes = 256 * 1024;
/** A piece that deflate shrinks by less than a tenth is stored. fp32 weights shrink by about 7 %. */
const worthwhile = 0.9;
/**
 * Maximum number of pieces that are stored without a trial after a piece that did not shrink enough. The
 * number doubles each time. `often` is for layers that are made rarely and sent often: CUDA's libraries are 66 MB
 * smaller with it, for a quarter more trials.
 */
const maxUntried = { seldom: 256, often: 4 } as const;

/** How often bytes are tried that did not shrink before. */
export type Trials = keyof typeof maxUntried;

/** The number of pieces that are read before the first of them is framed. */
const piecesAhead = 16;

/**
 * Frames the bytes as gzip. Pieces that shrink enough are deflated and the others are stored: programs reach
 * their usual size, and weights pass at disk speed after a few trials. Every decision depends only on the
 * bytes, and the compressor's version is pinned, so no version of Node can change a digest.
 *
 * Other threads deflate the pieces ahead of the one that is framed.
 */
export async function* adaptiveGzip(
  bytes: AsyncIterable<Uint8Array>,
  trials: Trials = "seldom",
): AsyncGenerator<Uint8Array> {
  const after = rhythmAfter(maxUntried[trials]);
  let crc = 0;
  let sizeBytes = 0;
  let rhythm = firstTrial;
  yield gzipHeader();
  for await (const ahead of windows(bytes)) {
    startTrials(ahead, rhythm, after);
    const { piece, trial } = ahead[0]!;
    crc = crc32(piece, crc);
    sizeBytes += piece.length;
    const deflated = rhythm.untried > 0 ? null : await (trial ?? deflatePiece(piece));
    const isDeflated = deflated !== null && deflated.length < worthwhile * piece.length;
    rhythm = after(rhythm, isDeflated);
    yield isDeflated ? deflated : storedBlocks(piece);
  }
  yield Buffer.from([1, 0, 0, 0xff, 0xff]); // an empty stored block, the last
  yield gzipTrailer(crc, sizeBytes);
}

/** When the next piece is tried. */
interface Rhythm {
  /** The number of pieces that are stored before the next trial. */
  readonly untried: number;
  /** The number of pieces that are stored after the next trial if it fails. */
  readonly pause: number;
  /** True if the last trial was worthwhile. */
  readonly shrinks: boolean;
}

const firstTrial: Rhythm = { untried: 0, pause: 1, shrinks: false };

type After = (rhythm: Rhythm, isDeflated: boolean) => Rhythm;

const rhythmAfter =
  (most: number): After =>
  ({ untried, pause, shrinks }, isDeflated) => {
    if (untried > 0) return { untried: untried - 1, pause, shrinks };
    if (isDeflated) return { untried: 0, pause: 1, shrinks: true };
    return { untried: pause, pause: Math.min(2 * pause, most), shrinks: false };
  };

interface PieceAhead {
  readonly piece: Uint8Array;
  /** Null if this thread does it, because the stream is short. */
  trial: Promise<Uint8Array> | null;
  readonly isOfShortStream: boolean;
}

/** Starts the trials that will be needed if the bytes go on as they did. */
function startTrials(ahead: readonly PieceAhead[], now: Rhythm, after: After): void {
  let rhythm = now;
  for (const item of ahead) {
    if (rhythm.untried === 0 && item.trial === null && !item.isOfShortStream) {
      // A view would be sent with all the memory that it is a part of.
      item.trial = pool().run("deflate", new Uint8Array(item.piece));
      item.trial.catch(() => {}); // reported when the piece is framed, if it is needed at all
    }
    rhythm = after(rhythm, rhythm.shrinks);
  }
}

type DeflateTasks = KernelTasks<typeof import("./deflate-worker.js").deflateKernels>;

let threads: WorkerPool<DeflateTasks> | null = null;

/** Returns the threads, which do not keep the process alive. */
function pool(): WorkerPool<DeflateTasks> {
  threads ??= createWorkerPool<DeflateTasks>(new URL("./deflate-worker.js", import.meta.url));
  return threads;
}

/** Yields each piece with those that follow it. */
async function* windows(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<readonly PieceAhead[]> {
  const ahead: PieceAhead[] = [];
  const early: Uint8Array[] = [];
  let isLong = false;
  for await (const piece of inPieces(bytes, pieceBytes)) {
    if (!isLong) {
      early.push(piece);
      if (early.length < piecesAhead) continue;
      isLong = true;
      for (const first of early) ahead.push({ piece: first, trial: null, isOfShortStream: false });
    } else ahead.push({ piece, trial: null, isOfShortStream: false });
    yield ahead;
    ahead.shift();
  }
  if (!isLong) for (const piece of early) ahead.push({ piece, trial: null, isOfShortStream: true });
  for (; ahead.length > 0; ahead.shift()) yield ahead;
}
