import type { ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { connectRedis } from "../../../../processor/runtime/queue/connect-redis.js";
import { QueueEngine } from "../../../../processor/runtime/queue/queue-engine.js";
import { ServedModels } from "../../../../processor/runtime/service/models/served-model.js";
import { main } from "../../../../src/cli/main.js";
import { type RedisServer, withRedis } from "../../../support/batch/redis-server.js";
import { smallModel, withSmallBatch } from "../../../support/batch/small-batch.js";
import { ended, startWorker } from "../../../support/batch/worker-program.js";
import { nifti } from "../../../support/images/nifti-builder.js";
import { withConvertedModel } from "../../../support/model/convert.js";
import { describeWith, needs } from "../../../support/needs.js";
import { testTerminal } from "../../../support/programs/test-terminal.js";
import {
  formOf,
  type TestService,
  temporaryFolder,
  testModel,
  testService,
} from "../../../support/service/test-service.js";

const host = "localhost";
const limitMs = 240_000;
/** Images that the small network needs some milliseconds, and some seconds, for. */
const [quick, slow] = [imageOf(10), imageOf(48)];

/** Starts a service whose jobs go to a queue, as `serve --redis` does. */
async function queueService(redis: RedisServer, modelDir: string, folder: string): Promise<TestService> {
  const { redis: connection } = await connectRedis(redis.address);
  onTestFinished(() => connection.disconnect());
  return testService({
    folder,
    models: new ServedModels([
      testModel("small", { path: modelDir, channels: ["CT", "MR"], defaultArgs: { use_folds: [0] } }),
    ]),
    openEngine: (listener) =>
      Promise.resolve(new QueueEngine({ redis: connection, queueName: "nnunet", listener })),
  });
}

/** Returns an image of so many voxels along each axis. */
function imageOf(edge: number): Uint8Array {
  const voxels = Uint8Array.from({ length: edge ** 3 }, (_, i) => (Math.imul(i + 1, 2654435761) >>> 8) % 251);
  return nifti(voxels, { dim: [3, edge, edge, edge, 1, 1, 1, 1] });
}

/** Sends an image as both channels, and returns the id of its job. */
async function send({ app }: TestService, image: string | Uint8Array): Promise<string> {
  const form = await formOf({ model: "small" }, { "scan_0000.nii": image, "scan_0001.nii": image });
  const answer = await app.inject({
    method: "POST",
    url: "/v1/jobs",
    payload: form.payload,
    headers: { host, ...form.headers },
  });
  expect(answer.statusCode, answer.body).toBe(202);
  return answer.json().id;
}

const endOf = async ({ context }: TestService, id: string) =>
  (await context.jobs.ended(id, limitMs, new AbortController().signal))!;

const statusOf = async ({ app }: TestService) =>
  (await app.inject({ url: "/readyz", headers: { host } })).statusCode;

const cancel = ({ app }: TestService, id: string) =>
  app.inject({ method: "DELETE", url: `/v1/jobs/${id}`, headers: { host } });

/** Waits until a worker has said how far a job is. */
async function progressOf({ context }: TestService, id: string): Promise<void> {
  await expect.poll(() => context.jobs.get(id).progress, { timeout: limitMs }).not.toBeNull();
}

/** Starts a worker that ends with the test. */
function testWorker(folder: string, redis: RedisServer, ...words: readonly string[]): ChildProcess {
  const worker = startWorker(folder, redis, ...words);
  worker.stderr!.resume();
  onTestFinished(async () => {
    worker.kill("SIGKILL");
    await ended(worker);
  });
  return worker;
}

interface Place {
  readonly redis: RedisServer;
  readonly folder: string;
  readonly modelDir: string;
}

const withQueue = (use: (place: Place) => Promise<void>) =>
  withRedis((redis) =>
    withConvertedModel(smallModel, ({ folder: modelDir }) =>
      use({ redis, folder: temporaryFolder(), modelDir }),
    ),
  );

describeWith([needs.redis], "a service whose jobs go to a queue in Redis", () => {
  test("has them computed by two workers, each once, with the results in its own folder", async () => {
    await withQueue(async ({ redis, folder, modelDir }) => {
      const service = await queueService(redis, modelDir, folder);
      for (const _ of [1, 2]) testWorker(folder, redis, "--data-root", folder, modelDir);
      const ids = await Promise.all(Array.from({ length: 6 }, () => send(service, quick)));
      const jobs = await Promise.all(ids.map((id) => endOf(service, id)));
      expect(jobs.map(({ state, attempts, error }) => ({ state, attempts, error }))).toEqual(
        ids.map(() => ({ state: "done", attempts: 1, error: null })),
      );
      for (const id of ids)
        expect(existsSync(join(folder, "jobs", id, "output", "stage_0", "prediction.nii.gz"))).toBe(true);
    });
  });

  test("has a job computed by another worker when its own one is killed in the middle", async () => {
    await withQueue(async ({ redis, folder, modelDir }) => {
      const service = await queueService(redis, modelDir, folder);
      const victim = testWorker(folder, redis);
      const id = await send(service, slow);
      await progressOf(service, id);
      victim.kill("SIGKILL");
      testWorker(folder, redis);
      expect(await endOf(service, id)).toMatchObject({ state: "done", attempts: 2, error: null });
    });
  });

  test("has a job computed by another worker at once when its own one is stopped", async () => {
    await withQueue(async ({ redis, folder, modelDir }) => {
      const service = await queueService(redis, modelDir, folder);
      const first = testWorker(folder, redis);
      const id = await send(service, slow);
      await progressOf(service, id);
      first.kill("SIGTERM");
      expect(await ended(first)).toBe(0);
      testWorker(folder, redis);
      expect(await endOf(service, id)).toMatchObject({ state: "done", error: null });
    });
  });

  test("shares its workers with batches", async () => {
    await withRedis((redis) =>
      withSmallBatch(2, async ({ folder, modelDir, outputDir }) => {
        const service = await queueService(redis, modelDir, temporaryFolder());
        const id = await send(service, quick);
        const words = ["-m", modelDir, "--manifest", "cases.jsonl", "-o", "out", "--redis", redis.address];
        const submitted = await main(["batch", "queue", "submit", ...words], testTerminal(folder));
        expect(submitted).toBe(0);
        const last = await send(service, quick);
        expect(await ended(testWorker(folder, redis, "--until-empty"))).toBe(0);
        for (const job of [id, last]) expect(await endOf(service, job)).toMatchObject({ state: "done" });
        expect(readdirSync(join(outputDir, "segmentations"))).toHaveLength(2);
      }),
    );
  });

  test("cancels a job that waits at once, and one that runs before its next window", async () => {
    await withQueue(async ({ redis, folder, modelDir }) => {
      const service = await queueService(redis, modelDir, folder);
      const waiting = await send(service, quick);
      await cancel(service, waiting);
      expect(await endOf(service, waiting)).toMatchObject({ state: "canceled" });
      testWorker(folder, redis);
      const running = await send(service, slow);
      await progressOf(service, running);
      expect((await cancel(service, running)).json()).toMatchObject({ state: "canceling" });
      expect(await endOf(service, running)).toMatchObject({ state: "canceled" });
      expect(await endOf(service, await send(service, quick))).toMatchObject({ state: "done" });
    });
  });

  test("is not ready while Redis is away; jobs and results are kept until it is back", async () => {
    await withQueue(async ({ redis, folder, modelDir }) => {
      const service = await queueService(redis, modelDir, folder);
      testWorker(folder, redis);
      expect(await statusOf(service)).toBe(200);
      const running = await send(service, slow);
      const waiting = await send(service, quick);
      await progressOf(service, running);
      await redis.stop();
      await expect.poll(() => statusOf(service), { timeout: limitMs }).toBe(503);
      const result = join(folder, "jobs", running, "output", "stage_0", "prediction.nii.gz");
      await expect.poll(() => existsSync(result), { timeout: limitMs }).toBe(true);
      expect(service.context.jobs.get(running).state).toBe("running");
      await redis.restart();
      expect(await endOf(service, running)).toMatchObject({ state: "done", attempts: 1 });
      expect(await endOf(service, waiting)).toMatchObject({ state: "done" });
      await expect.poll(() => statusOf(service), { timeout: limitMs }).toBe(200);
    });
  });

  test("reports jobs that ended while it was stopped, and those that wait and run go on", async () => {
    await withQueue(async ({ redis, folder, modelDir }) => {
      const first = await queueService(redis, modelDir, folder);
      const ids = [await send(first, slow), await send(first, quick)];
      const worker = testWorker(folder, redis, "--until-empty");
      await progressOf(first, ids[0]!);
      await first.close(0);
      expect(await ended(worker)).toBe(0);
      const second = await queueService(redis, modelDir, folder);
      for (const id of ids) expect(await endOf(second, id)).toMatchObject({ state: "done", error: null });
    });
  });

  test("fails a job outside the data roots of its worker", async () => {
    await withQueue(async ({ redis, folder, modelDir }) => {
      const service = await queueService(redis, modelDir, folder);
      mkdirSync(join(folder, "other"));
      testWorker(folder, redis, "--data-root", join(folder, "other"));
      const id = await send(service, quick);
      expect(await endOf(service, id)).toMatchObject({ state: "failed", error: { code: "PATH_FORBIDDEN" } });
    });
  });

  test("fails a job with a damaged image once, as a server without a queue does", async () => {
    await withQueue(async ({ redis, folder, modelDir }) => {
      const service = await queueService(redis, modelDir, folder);
      testWorker(folder, redis);
      const id = await send(service, "damaged");
      const { state, attempts, error } = await endOf(service, id);
      expect([state, attempts]).toEqual(["failed", 1]);
      expect(error!.code).toMatch(/^IMAGE_|^NIFTI_|^INPUT_/);
    });
  });
});

test("`serve --redis` without an answer of Redis ends with the reason, and takes no GPU", async () => {
  const terminal = testTerminal(temporaryFolder());
  const redis = ["--redis", "redis://:s3cret@127.0.0.1:9"];
  expect(await main(["serve", ...redis, "--port", "0"], terminal)).toBe(5);
  expect(terminal.printed.err).toContain("QUEUE_UNREACHABLE");
  expect(terminal.printed.err).not.toContain("s3cret");
  expect(await main(["serve", ...redis, "--gpus", "0,1"], terminal)).toBe(2);
  expect(terminal.printed.err).toContain("no effect with --redis");
});
