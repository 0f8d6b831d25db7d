import type { ChildProcess } from "node:child_process";
import { readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { main } from "../../../../src/cli/main.js";
import { type RedisServer, withRedis } from "../../../support/batch/redis-server.js";
import {
  runSmall,
  type SmallBatch,
  segmentationsOf,
  withSmallBatch,
} from "../../../support/batch/small-batch.js";
import { ended, printed, startWorker } from "../../../support/batch/worker-program.js";
import { describeWith, needs } from "../../../support/needs.js";
import { testTerminal } from "../../../support/programs/test-terminal.js";

const engine = ["--inference-engine", "onnxruntime", "--device", "cpu"];

async function run(folder: string, ...words: readonly string[]) {
  const terminal = testTerminal(folder);
  const code = await main(words, terminal);
  return { code, ...terminal.printed };
}

const submit = ({ folder, modelDir }: SmallBatch, { address }: RedisServer) =>
  run(
    folder,
    ...["batch", "queue", "submit", "-m", modelDir, "--manifest", "cases.jsonl", "-o", "out"],
    ...["--redis", address, ...engine],
  );

const allEnded = (...children: readonly ChildProcess[]) => Promise.all(children.map(ended));

const statesOf = ({ outputDir, names }: SmallBatch) =>
  names.map((name) => JSON.parse(readFileSync(join(outputDir, "cases", `${name}.json`), "utf8")).state);

/** Computes the same cases without a queue. */
async function localAnswers(batch: SmallBatch) {
  const local = { ...batch, outputDir: join(batch.folder, "local") };
  await runSmall(local);
  return segmentationsOf(local);
}

describeWith([needs.redis], "a queue in Redis", () => {
  test("two workers, one of them killed, give each of 200 cases one answer, equal to a local run's", async () => {
    await withRedis(async (redis) =>
      withSmallBatch(200, async (batch) => {
        expect(await submit(batch, redis)).toMatchObject({ code: 0, out: "200 cases submitted\n" });
        const victim = startWorker(batch.folder, redis);
        await printed(victim, "done in");
        victim.kill("SIGKILL");
        const workers = [1, 2].map(() => startWorker(batch.folder, redis, "--until-empty"));
        expect(await allEnded(...workers)).toEqual([0, 0]);
        expect(new Set(statesOf(batch))).toEqual(new Set(["done"]));
        expect(readdirSync(join(batch.outputDir, "segmentations"))).toHaveLength(200);
        expect(readdirSync(join(batch.outputDir, "claims"))).toEqual([]);
        expect(await segmentationsOf(batch)).toEqual(await localAnswers(batch));
      }),
    );
  });

  test("a case that is submitted twice is computed once, and again only when its answer is gone", async () => {
    await withRedis(async (redis) =>
      withSmallBatch(3, async (batch) => {
        await submit(batch, redis);
        expect((await submit(batch, redis)).out).toBe("0 cases submitted, 3 in the queue already\n");
        expect(await ended(startWorker(batch.folder, redis, "--until-empty"))).toBe(0);
        expect((await submit(batch, redis)).out).toBe("0 cases submitted, 3 done\n");
        writeFileSync(join(batch.outputDir, "segmentations", "case_000.nii.gz"), "");
        expect((await submit(batch, redis)).out).toBe("1 case submitted, 2 done\n");
      }),
    );
  });

  test("a restart of Redis in the middle loses no case", async () => {
    await withRedis(async (redis) =>
      withSmallBatch(30, async (batch) => {
        await submit(batch, redis);
        const worker = startWorker(batch.folder, redis, "--until-empty");
        await printed(worker, "done in");
        await redis.restart();
        expect(await ended(worker)).toBe(0);
        expect(new Set(statesOf(batch))).toEqual(new Set(["done"]));
      }),
    );
  });

  test("one Ctrl-C ends a worker whose Redis is gone, and a later worker completes its cases", async () => {
    await withRedis(async (redis) =>
      withSmallBatch(6, async (batch) => {
        await submit(batch, redis);
        const worker = startWorker(batch.folder, redis);
        await printed(worker, "done in");
        await redis.stop();
        worker.kill("SIGINT");
        expect(await ended(worker)).toBe(0);
        await redis.restart();
        expect(await ended(startWorker(batch.folder, redis, "--until-empty"))).toBe(0);
        expect(new Set(statesOf(batch))).toEqual(new Set(["done"]));
      }),
    );
  });

  test("Ctrl-C ends a worker that waits for a Redis that is gone", async () => {
    await withRedis(async (redis) => {
      const worker = startWorker("/", redis);
      await printed(worker, "waiting for cases");
      await redis.stop();
      worker.kill("SIGTERM");
      expect(await ended(worker)).toBe(0);
    });
  });

  test("a second Ctrl-C ends a worker at once", async () => {
    await withRedis(async (redis) => {
      const worker = startWorker("/", redis);
      await printed(worker, "waiting for cases");
      await redis.stop();
      worker.kill("SIGINT");
      await printed(worker, "stopping");
      worker.kill("SIGINT");
      await ended(worker);
      expect(worker.signalCode).toBe("SIGINT");
    });
  });

  test("a damaged image fails once, without further attempts", async () => {
    await withRedis(async (redis) =>
      withSmallBatch(2, async (batch) => {
        writeFileSync(join(batch.imageDir, "case_001_0000.nii"), "damaged");
        await submit(batch, redis);
        expect(await ended(startWorker(batch.folder, redis, "--until-empty"))).toBe(0);
        expect(statesOf(batch)).toEqual(["done", "failed"]);
        const record = JSON.parse(readFileSync(join(batch.outputDir, "cases", "case_001.json"), "utf8"));
        expect(record).toMatchObject({ attempts: [{}], mayRetry: false, error: { exitCode: 4 } });
      }),
    );
  });

  test("a worker computes only batches below its data roots, with models below them", async () => {
    await withRedis(async (redis) =>
      withSmallBatch(1, async (batch) => {
        const workWithRoots = async (...roots: readonly string[]): Promise<readonly string[]> => {
          await submit(batch, redis);
          const words = roots.flatMap((root) => ["--data-root", root]);
          expect(await ended(startWorker(batch.folder, redis, "--until-empty", ...words))).toBe(0);
          return readdirSync(join(batch.outputDir, "cases"));
        };
        expect(await workWithRoots(batch.modelDir)).toEqual([]);
        expect(await workWithRoots(batch.folder)).toEqual([]);
        const link = join(batch.folder, "link");
        symlinkSync(batch.folder, link);
        expect(await workWithRoots(link, batch.modelDir)).toEqual(["case_000.json"]);
      }),
    );
  });

  test("a worker refuses a data root that does not exist", async () => {
    await withRedis(async (redis) =>
      withSmallBatch(1, async ({ folder }) => {
        const missing = join(folder, "scnas");
        const worker = startWorker(folder, redis, "--until-empty", "--data-root", missing);
        await printed(worker, missing);
        expect(await ended(worker)).toBe(2);
      }),
    );
  });

  test("cancelling takes waiting cases out of the queue", async () => {
    await withRedis(async (redis) =>
      withSmallBatch(3, async (batch) => {
        await submit(batch, redis);
        const { out } = await run(batch.folder, "batch", "cancel", "-o", "out", "--redis", redis.address);
        expect(out).toContain("3 cases taken out of the queue");
      }),
    );
  });

  test("a Redis that may delete jobs is refused, and one that may lose them is mentioned", async () => {
    await withRedis(
      async (redis) =>
        withSmallBatch(1, async (batch) => {
          const { code, err } = await submit(batch, redis);
          expect(code).toBe(5);
          expect(err).toContain("QUEUE_UNFIT");
          expect(err).toContain("allkeys-lru");
        }),
      ["--maxmemory-policy", "allkeys-lru"],
    );
    await withRedis(
      async (redis) =>
        withSmallBatch(1, async (batch) =>
          expect((await submit(batch, redis)).err).toContain("append-only file"),
        ),
      ["--appendonly", "no"],
    );
  });

  test("a wrong password is refused, and no message shows it", async () => {
    await withRedis(
      async ({ port }) => {
        const address = `redis://user:s3cret@127.0.0.1:${port}`;
        const { code, err, out } = await run("/", "batch", "worker", "--redis", address, "--until-empty");
        expect(code).toBe(5);
        expect(err).toContain("QUEUE_UNREACHABLE");
        expect(`${err}${out}`).not.toContain("s3cret");
      },
      ["--requirepass", "other"],
    );
  });
});

test("a Redis that does not answer is named without its password", async () => {
  const { code, err } = await run(
    "/",
    "batch",
    "worker",
    "--redis",
    "redis://:s3cret@127.0.0.1:9",
    "--until-empty",
  );
  expect(code).toBe(5);
  expect(err).toContain("redis://127.0.0.1:9");
  expect(err).not.toContain("s3cret");
});

test("an address that is not one of Redis is refused", async () => {
  expect(await run("/", "batch", "worker", "--redis", "http://host", "--until-empty")).toMatchObject({
    code: 5,
  });
});
