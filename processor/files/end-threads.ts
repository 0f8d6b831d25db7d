import { getEnvironmentData, isMainThread, setEnvironmentData, type Worker } from "node:worker_threads";

// A package of native code that is stopped while it loads ends the whole program, because it can neither go on nor fail. So a thread
// is ended only while none loads such a package. The program's threads count together how many do so.
const loading = 0;
const ending = 1;
const counts = sharedCounts();

/** A thread that has been loading for this time may never be done. */
const longestWaitMs = 1000;

/**
 * Ends threads that load packages of native code only through `loadUndisturbed`.
 *
 * Waits until no thread loads one, which takes milliseconds.
 */
export async function endThreads(threads: readonly Worker[]): Promise<void> {
  Atomics.add(counts, ending, 1);
  awaitLoading();
  const ends = threads.map((thread) => thread.terminate());
  Atomics.sub(counts, ending, 1);
  Atomics.notify(counts, ending);
  await Promise.all(ends);
}

let isLoading = false;

/** Calls `load`, during which no thread is ended. */
export function loadUndisturbed<T>(load: () => T): T {
  // Nothing ends the main thread.
  if (isMainThread || isLoading) return load();
  isLoading = true;
  beginLoading();
  try {
    return load();
  } finally {
    isLoading = false;
    endLoading();
  }
}

function beginLoading(): void {
  for (;;) {
    Atomics.add(counts, loading, 1);
    const ends = Atomics.load(counts, ending);
    if (ends === 0) return;
    endLoading();
    Atomics.wait(counts, ending, ends);
  }
}

function endLoading(): void {
  Atomics.sub(counts, loading, 1);
  Atomics.notify(counts, loading);
}

function awaitLoading(): void {
  const end = performance.now() + longestWaitMs;
  for (let count = Atomics.load(counts, loading); count > 0; count = Atomics.load(counts, loading)) {
    const left = end - performance.now();
    if (left <= 0) return;
    Atomics.wait(counts, loading, count, left);
  }
}

/** Returns the counts of the program, which each thread gets from the one that starts it. */
function sharedCounts(): Int32Array {
  const key = "threads that load or end";
  const given = getEnvironmentData(key);
  if (given instanceof Int32Array) return given;
  const own = new Int32Array(new SharedArrayBuffer(8));
  setEnvironmentData(key, own);
  // The end of the program ends its threads.
  process.once("exit", () => {
    Atomics.add(counts, ending, 1);
    awaitLoading();
  });
  return own;
}
