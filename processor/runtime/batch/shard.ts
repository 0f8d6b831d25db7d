import { sharedError } from "../../contract/shared-errors.js";

/** The part of a batch that one process computes: the cases whose index modulo `count` is `index`. */
export interface Shard {
  /** Counted from 0. */
  readonly index: number;
  readonly count: number;
}

export interface ShardWishes {
  /** `I/N`; null if it was not given. */
  readonly shard: string | null;
  /** The number of shards, for schedulers that tell a task only its own number; null if it was not given. */
  readonly shards: number | null;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Returns the shard that was asked for, else that of an array of Slurm, Kubernetes or AWS Batch; null for all cases.
 *
 * @throws USAGE
 */
export function shardOf({ shard, shards }: ShardWishes, environment: Environment): Shard | null {
  if (shard !== null) {
    const [, index, count] = /^(\d+)\/(\d+)$/.exec(shard) ?? [];
    return checked({ index: Number(index), count: Number(count) }, `--shard ${shard}`);
  }
  const task = numberIn(environment, "SLURM_ARRAY_TASK_ID");
  if (task !== null) {
    const first = numberIn(environment, "SLURM_ARRAY_TASK_MIN") ?? 0;
    const step = numberIn(environment, "SLURM_ARRAY_TASK_STEP") ?? 1;
    const count = numberIn(environment, "SLURM_ARRAY_TASK_COUNT") ?? shards;
    return ofTask((task - first) / step, count, "SLURM_ARRAY_TASK_ID");
  }
  const completion = numberIn(environment, "JOB_COMPLETION_INDEX");
  if (completion !== null) return ofTask(completion, shards, "JOB_COMPLETION_INDEX");
  const child = numberIn(environment, "AWS_BATCH_JOB_ARRAY_INDEX");
  if (child !== null)
    return ofTask(
      child,
      shards ?? numberIn(environment, "AWS_BATCH_JOB_ARRAY_SIZE"),
      "AWS_BATCH_JOB_ARRAY_INDEX",
    );
  if (shards !== null)
    throw sharedError(
      "USAGE",
      "--shards is the number of shards; --shard I/N, or the variable of a job array, says which one this is",
    );
  return null;
}

function numberIn(environment: Environment, name: string): number | null {
  const word = environment[name];
  return word === undefined || !/^\d+$/.test(word) ? null : Number(word);
}

function ofTask(index: number, count: number | null, variable: string): Shard {
  if (count === null)
    throw sharedError("USAGE", `${variable} is ${index}, but nothing says of how many; pass --shards N`);
  return checked({ index, count }, `${variable} ${index} of ${count} shards`);
}

function checked(shard: Shard, given: string): Shard {
  const { index, count } = shard;
  if (Number.isInteger(index) && count >= 1 && index < count) return shard;
  throw sharedError("USAGE", `${given}: shards count from 0, so the first of 4 is 0/4 and the last is 3/4`);
}

/** Returns the items of a shard. */
export const ofShard = <T>(items: readonly T[], shard: Shard | null): readonly T[] =>
  shard === null ? items : items.filter((_, i) => i % shard.count === shard.index);
