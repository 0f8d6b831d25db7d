import { afterEach, describe, expect, test } from "vitest";
import { splitRange } from "../../../../processor/imaging/threads/split-range.js";
import { createWorkerPool, TaskTimeout } from "../../../../processor/imaging/threads/worker-pool.js";
import type { RuntimePool } from "../../../../processor/runtime/threads/kernels.js";
import { openPool } from "../../../../processor/runtime/threads/open-pool.js";

const pools: RuntimePool[] = [];
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
});

function poolOf(size: number): RuntimePool {
  const pool = openPool(size);
  pools.push(pool);
  return pool;
}

const shared = (values: readonly number[]): Float32Array<SharedArrayBuffer> => {
  const array = new Float32Array(new SharedArrayBuffer(values.length * 4));
  array.set(values);
  return array;
};

/** Doubles `values` in place. */
const doubling = (values: Float32Array, range: { readonly from: number; readonly to: number }) => ({
  ...{ values, mask: null, within: null, zeroOutsideMask: false, clip: null },
  ...{ offset: 0, divisor: 0.5, range },
});

describe("a pool that limits the time of its tasks", () => {
  type EndlessTasks = {
    readonly endless: { readonly task: null; readonly result: never };
    readonly double: { readonly task: number; readonly result: number };
  };

  test("stops a worker that takes too long, and goes on with another", async () => {
    const program = new URL("../../../support/programs/endless-worker.js", import.meta.url);
    const pool = createWorkerPool<EndlessTasks>(program, 1, {
      longestTaskMs: (task) => (task === null ? 50 : 60_000),
    });
    const answers = await Promise.allSettled([pool.run("endless", null), pool.run("double", 21)]);
    await pool.close();
    expect(answers[0]).toMatchObject({ status: "rejected", reason: expect.any(TaskTimeout) });
    expect(answers[1]).toEqual({ status: "fulfilled", value: 42 });
  });
});

describe("the pool", () => {
  test("runs more tasks than it has workers, in the caller's own memory", async () => {
    const values = shared(Array.from({ length: 100 }, (_, i) => i));
    const pool = poolOf(2);
    await Promise.all(
      splitRange(100, 20).map((range) => pool.run("normalizeChannel", doubling(values, range))),
    );
    expect(Array.from(values)).toEqual(Array.from({ length: 100 }, (_, i) => 2 * i));
  });

  test("returns each kernel's result to the caller of its task", async () => {
    const pool = poolOf(2);
    const sums = await Promise.all(
      Array.from({ length: 8 }, (_, n) =>
        pool.run("channelStatistics", {
          ...{ values: shared([n, n, n]), mask: null, within: null, mean: null },
          range: { from: 0, to: 3 },
        }),
      ),
    );
    expect(sums.map(({ sum }) => sum)).toEqual([0, 3, 6, 9, 12, 15, 18, 21]);
  });

  test("rejects with the kernel's own error, and the worker continues", async () => {
    const pool = poolOf(1);
    const task = { sizeZyx: [1, 2, 3], labels: [1], connectivity: 6, sparing: null } as const;
    await expect(pool.run("keepLargestComponent", { ...task, voxels: new Uint8Array(5) })).rejects.toThrow(
      "5 voxels do not make a volume of 1 × 2 × 3",
    );
    const kept = await pool.run("keepLargestComponent", { ...task, voxels: Uint8Array.of(1, 1, 0, 0, 0, 1) });
    expect(kept.componentCount).toBe(2);
  });

  test("leaves the main thread free while its only worker computes", async () => {
    const pool = poolOf(1);
    const values = new Float32Array(new SharedArrayBuffer(4e7));
    let turns = 0;
    const counting = setInterval(() => turns++, 1);
    try {
      for (let i = 0; i < 5; i++)
        await pool.run("normalizeChannel", doubling(values, { from: 0, to: values.length }));
    } finally {
      clearInterval(counting);
    }
    expect(turns).toBeGreaterThan(2);
  });

  test("accepts no task after it is closed", async () => {
    const pool = poolOf(1);
    await pool.close();
    const values = shared([1]);
    await expect(pool.run("normalizeChannel", doubling(values, { from: 0, to: 1 }))).rejects.toThrow(
      "the worker pool is closed",
    );
  });

  test("rejects running and waiting tasks when it is closed", async () => {
    const pool = poolOf(1);
    const values = new Float32Array(new SharedArrayBuffer(4e7));
    const range = { from: 0, to: values.length };
    const tasks = [1, 2, 3].map(() => pool.run("normalizeChannel", doubling(values, range)));
    const outcomes = Promise.allSettled(tasks);
    await pool.close();
    for (const outcome of await outcomes) expect(outcome.status).toBe("rejected");
  });
});

describe("splitRange", () => {
  test.each([
    { count: 10, parts: 3, sizes: [3, 3, 4] },
    { count: 2, parts: 8, sizes: [1, 1] },
    { count: 0, parts: 4, sizes: [0] },
    { count: 7, parts: 1, sizes: [7] },
  ])("divides $count into at most $parts adjacent ranges", ({ count, parts, sizes }) => {
    const ranges = splitRange(count, parts);
    expect(ranges.map(({ from, to }) => to - from)).toEqual(sizes);
    expect(ranges[0]!.from).toBe(0);
    expect(ranges.at(-1)!.to).toBe(count);
    for (let i = 1; i < ranges.length; i++) expect(ranges[i]!.from).toBe(ranges[i - 1]!.to);
  });
});
