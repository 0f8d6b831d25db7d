import { describe, expect, test } from "vitest";
import { afterFailure } from "../../../../processor/runtime/batch/after-failure.js";
import { failureLimit } from "../../../../processor/runtime/batch/failure-limit.js";
import { runChoices } from "../../../../processor/runtime/batch/run-choices.js";
import { ofShard, shardOf } from "../../../../processor/runtime/batch/shard.js";

const unset = { shard: null, shards: null };

describe("the shard of a process", () => {
  test.each([
    { name: "what --shard says", wishes: { shard: "1/4", shards: null }, environment: {}, shard: [1, 4] },
    {
      name: "Slurm's task, whatever its first number is",
      wishes: unset,
      environment: { SLURM_ARRAY_TASK_ID: "3", SLURM_ARRAY_TASK_MIN: "1", SLURM_ARRAY_TASK_COUNT: "5" },
      shard: [2, 5],
    },
    {
      name: "Kubernetes' index of so many shards",
      wishes: { shard: null, shards: 8 },
      environment: { JOB_COMPLETION_INDEX: "7" },
      shard: [7, 8],
    },
    {
      name: "AWS Batch's index",
      wishes: unset,
      environment: { AWS_BATCH_JOB_ARRAY_INDEX: "0", AWS_BATCH_JOB_ARRAY_SIZE: "2" },
      shard: [0, 2],
    },
  ])("is $name", ({ wishes, environment, shard: [index, count] }) => {
    expect(shardOf(wishes, environment)).toEqual({ index, count });
  });

  test("is nothing outside an array", () => {
    expect(shardOf(unset, {})).toBeNull();
  });

  test.each([
    { wishes: { shard: "4/4", shards: null }, environment: {}, says: "the last is 3/4" },
    { wishes: { shard: "a", shards: null }, environment: {}, says: "0/4" },
    { wishes: unset, environment: { JOB_COMPLETION_INDEX: "1" }, says: "--shards N" },
    { wishes: { shard: null, shards: 3 }, environment: {}, says: "which one this is" },
  ])("is refused: $says", ({ wishes, environment, says }) => {
    expect(() => shardOf(wishes, environment)).toThrow(says);
  });

  test("holds every n-th case, and all shards together hold each case once", () => {
    const cases = ["a", "b", "c", "d", "e"];
    expect(ofShard(cases, { index: 1, count: 2 })).toEqual(["b", "d"]);
    expect([0, 1, 2].flatMap((index) => ofShard(cases, { index, count: 3 })).sort()).toEqual(cases);
  });
});

describe("the flags of a run", () => {
  test("give each GPU so many workers", () => {
    expect(runChoices({ gpus: "0,1", jobs: "2" }, {}).workers).toEqual(["0", "0", "1", "1"]);
    expect(runChoices({}, {}).workers).toEqual([null]);
  });

  test("name GPUs as nvidia-smi does, of those that CUDA_VISIBLE_DEVICES leaves", () => {
    expect(runChoices({ gpus: "2" }, { CUDA_VISIBLE_DEVICES: "2,3" }).workers).toEqual(["2"]);
    expect(runChoices({ gpus: "GPU-1a" }, { CUDA_VISIBLE_DEVICES: "2,3" }).workers).toEqual(["GPU-1a"]);
    expect(() => runChoices({ gpus: "0,2" }, { CUDA_VISIBLE_DEVICES: "2,3" })).toThrow(
      "shows this process only 2,3",
    );
  });

  test.each([
    { gpus: "cuda" },
    { gpus: "0,0" },
    { gpus: "" },
    { jobs: "0" },
    { jobs: "two" },
    { retries: "-1" },
    { grace: "1.5" },
  ])("are refused if they are %o", (words) => {
    expect(() => runChoices(words, {})).toThrow(/GPUs are different numbers|--(?:jobs|retries|grace)/);
  });

  test("limit failures by number or by share", () => {
    expect(failureLimit("3").of(1000)).toBe(3);
    expect(failureLimit("10%").of(25)).toBe(2);
    expect(() => failureLimit("many")).toThrow("--max-failures");
  });
});

describe("what follows a failure", () => {
  const failed = (...codes: readonly string[]) =>
    codes.map((code) => ({ host: "a", started: "", seconds: 1, error: { code, message: "" } }));

  test.each([
    { after: ["IMAGE_TRUNCATED"], exit: 4, next: "final" },
    { after: ["PLANS_UNSUPPORTED"], exit: 3, next: "final" },
    { after: ["INFERENCE_FAILED"], exit: 5, next: "retry" },
    { after: ["INFERENCE_FAILED", "INFERENCE_FAILED"], exit: 5, next: "retry" },
    { after: ["INFERENCE_FAILED", "INFERENCE_FAILED", "INFERENCE_FAILED"], exit: 5, next: "final" },
    { after: ["BUG"], exit: 1, next: "retry" },
    { after: ["OUT_OF_MEMORY"], exit: 5, next: "retry" },
    { after: ["OUT_OF_MEMORY", "OUT_OF_MEMORY"], exit: 5, next: "final" },
    { after: ["WORKER_DIED"], exit: 5, next: "retry" },
    { after: ["WORKER_DIED", "WORKER_DIED"], exit: 5, next: "final" },
    { after: ["DISK_FULL"], exit: 5, next: "stop" },
    { after: ["DEVICE_MISSING"], exit: 5, next: "stop" },
  ])("$after is $next", ({ after, exit, next }) => {
    expect(afterFailure(failed(...after), exit, 2)).toBe(next);
  });
});
