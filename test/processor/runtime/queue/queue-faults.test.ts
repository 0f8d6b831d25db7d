import type { ChildProcess } from "node:child_process";
import { cpSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { main } from "../../../../src/cli/main.js";
import { type RedisServer, withRedis } from "../../../support/batch/redis-server.js";
import { recordOf, type SmallBatch, statesOf, withSmallBatch } from "../../../support/batch/small-batch.js";
import {
  ended,
  movableClock,
  printed,
  startDyingWorker,
  startWorker,
  startWorkerWithClock,
  startWorkerWithoutSpace,
} from "../../../support/batch/worker-program.js";
import { describeWith, needs, testWith } from "../../../support/needs.js";
import { testTerminal } from "../../../support/programs/test-terminal.js";
import { temporaryFolder } from "../../../support/service/test-service.js";

async function submit({ folder, modelDir }: SmallBatch, { address }: RedisServer): Promise<string> {
  const terminal = testTerminal(folder);
  const code = await main(
    [
      ...["batch", "queue", "submit", "-m", modelDir, "--manifest", "cases.jsonl", "-o", "out"],
      ...["--redis", address, "--inference-engine", "onnxruntime", "--device", "cpu"],
    ],
    terminal,
  );
  expect(code).toBe(0);
  return terminal.printed.out;
}

/** Waits until a program has ended, and returns what it wrote to stderr, and how it ended. */
async function outcomeOf(child: ChildProcess) {
  const err = await text(child.stderr!);
  return { err, code: await ended(child), signal: child.signalCode };
}

const filesOf = ({ outputDir }: SmallBatch, folder: string) => readdirSync(join(outputDir, folder));

describeWith([needs.redis, needs.linux], "a queue in Redis", () => {
  test("a case that ends two workers is given up, and the others are done", async () => {
    await withRedis(async (redis) =>
      withSmallBatch(4, async (batch) => {
        await submit(batch, redis);
        for (const _ of [1, 2])
          expect(await outcomeOf(startDyingWorker(redis, "worker", "case_001"))).toMatchObject({
            signal: "SIGKILL",
          });
        expect(await outcomeOf(startDyingWorker(redis, "worker", "none"))).toMatchObject({ code: 0 });
        expect(statesOf(batch)).toEqual(["done", "failed", "done", "done"]);
        const { error, attempts, mayRetry } = recordOf(batch, "case_001");
        expect(error).toMatchObject({ code: "WORKER_DIED", exitCode: 5 });
        expect(attempts).toHaveLength(2);
        expect(mayRetry).toBe(false);
        expect(filesOf(batch, "claims")).toEqual([]);

        // It runs again only when somebody asks for it, and then as if it were new.
        expect(await outcomeOf(startDyingWorker(redis, "worker", "none"))).toMatchObject({ code: 0 });
        expect(statesOf(batch)[1]).toBe("failed");
        expect(await submit(batch, redis)).toBe("1 case submitted, 3 done\n");
        expect(await outcomeOf(startDyingWorker(redis, "worker", "none"))).toMatchObject({ code: 0 });
        expect(new Set(statesOf(batch))).toEqual(new Set(["done"]));
      }),
    );
  });

  test("a case that ends the process that computes it twice is given up, and its worker goes on", async () => {
    await withRedis(async (redis) =>
      withSmallBatch(4, async (batch) => {
        await submit(batch, redis);
        expect(await outcomeOf(startDyingWorker(redis, "case-process", "case_001"))).toMatchObject({
          code: 0,
        });
        expect(statesOf(batch)).toEqual(["done", "failed", "done", "done"]);
        const { error, attempts } = recordOf(batch, "case_001");
        expect(error).toMatchObject({ code: "WORKER_DIED" });
        expect(error.message).toContain("SIGKILL");
        expect(attempts).toHaveLength(2);
      }),
    );
  });

  test("a full disk ends a worker, and the case waits for one that has space", async () => {
    await withRedis(async (redis) =>
      withSmallBatch(
        3,
        async (batch) => {
          await submit(batch, redis);
          const { code, err } = await outcomeOf(startWorkerWithoutSpace(batch.folder, redis, 2));
          expect(code).toBe(5);
          expect(err).toContain("DISK_FULL");
          expect(filesOf(batch, "cases")).toEqual([]);
          expect(filesOf(batch, "segmentations")).toEqual([]);
          expect(filesOf(batch, "claims")).toEqual([]);
          expect(await submit(batch, redis)).toBe("0 cases submitted, 3 in the queue already\n");
          expect(await ended(startWorker(batch.folder, redis, "--until-empty"))).toBe(0);
          expect(new Set(statesOf(batch))).toEqual(new Set(["done"]));
        },
        30,
      ),
    );
  });

  test("a full disk on many machines ends their workers, and each case waits for one that has space", async () => {
    await withRedis(async (redis) =>
      withSmallBatch(
        2,
        async (batch) => {
          await submit(batch, redis);
          for (let i = 0; i < 4; i++)
            expect(await outcomeOf(startWorkerWithoutSpace(batch.folder, redis, 2))).toMatchObject({
              code: 5,
            });
          expect(filesOf(batch, "cases")).toEqual([]);
          expect(await ended(startWorker(batch.folder, redis, "--until-empty"))).toBe(0);
          expect(statesOf(batch)).toEqual(["done", "done"]);
        },
        30,
      ),
    );
  });

  test("an image outside the data roots of a worker fails its case with the reason, and the others are done", async () => {
    await withRedis(async (redis) =>
      withSmallBatch(3, async (batch) => {
        const outside = temporaryFolder();
        const manifest = join(batch.folder, "cases.jsonl");
        const lines = readFileSync(manifest, "utf8")
          .trim()
          .split("\n")
          .map((line) => JSON.parse(line));
        const { case: name, inputs } = lines[1] as {
          readonly case: string;
          readonly inputs: readonly string[];
        };
        const link = join(batch.folder, "link.nii");
        cpSync(resolve(batch.folder, inputs[0]!), join(outside, "scan.nii"));
        symlinkSync(join(outside, "scan.nii"), link);
        lines[1].inputs = [link, ...inputs.slice(1)];
        writeFileSync(manifest, lines.map((line) => JSON.stringify(line)).join("\n"));
        await submit(batch, redis);
        const worker = startWorker(
          batch.folder,
          redis,
          "--until-empty",
          "--data-root",
          batch.folder,
          batch.modelDir,
        );
        expect(await ended(worker)).toBe(0);
        expect(statesOf(batch)).toEqual(["done", "failed", "done"]);
        expect(recordOf(batch, name).error).toMatchObject({ code: "PATH_FORBIDDEN" });
        expect(filesOf(batch, "claims")).toEqual([]);
      }),
    );
  });

  testWith([needs.faketime], "a clock that jumps by an hour loses no case and repeats none", async () => {
    await withRedis(async (redis) =>
      withSmallBatch(20, async (batch) => {
        await submit(batch, redis);
        const clock = movableClock(batch.folder);
        const jumping = startWorkerWithClock(batch.folder, redis, clock);
        await printed(jumping, "done in");
        clock.moveTo(3600);
        const right = startWorker(batch.folder, redis, "--until-empty");
        await printed(right, "done in");
        clock.moveTo(-3600);
        expect(await Promise.all([jumping, right].map(ended))).toEqual([0, 0]);
        expect(batch.names.map((name) => recordOf(batch, name))).toEqual(
          batch.names.map(() => expect.objectContaining({ state: "done", attempts: [expect.anything()] })),
        );
        expect(filesOf(batch, "claims")).toEqual([]);
      }),
    );
  });
});
