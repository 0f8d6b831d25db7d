import { setImmediate as nextTurn } from "node:timers/promises";
import { isMainThread, Worker, workerData } from "node:worker_threads";
import { endThreads } from "../../../processor/files/end-threads.js";
import { libdeflate } from "../../../processor/files/libdeflate.js";

// Ends threads, or the program, while they load a package of native code, which takes some milliseconds. Writes `done` before its
// end.

const [, , what, afterMs] = process.argv;
if (isMainThread) await (what === "program" ? endProgram(Number(afterMs)) : endEach());
else {
  Atomics.store(workerData as Int32Array, 0, 1);
  libdeflate();
  for (;;);
}

async function endEach(): Promise<void> {
  for (let round = 0; round < 10; round++) {
    const threads = await Promise.all([startThread(), startThread(), startThread(), startThread()]);
    await endThreads(threads);
  }
  process.stdout.write("done");
}

async function endProgram(afterMs: number): Promise<void> {
  await startThread();
  process.stdout.write("done");
  busyFor(afterMs);
  process.exit();
}

function busyFor(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

/** Resolves when the thread begins to load. */
async function startThread(): Promise<Worker> {
  const begun = new Int32Array(new SharedArrayBuffer(4));
  const thread = new Worker(new URL(import.meta.url), { workerData: begun });
  while (Atomics.load(begun, 0) === 0) await nextTurn();
  return thread;
}
