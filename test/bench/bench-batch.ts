import { join } from "node:path";
import { withRedis } from "../support/batch/redis-server.js";
import { type SmallBatch, segmentationsOf, withSmallBatch } from "../support/batch/small-batch.js";
import { repositoryRoot } from "../support/golden.js";
import { type BenchRow, seconds } from "./bench-row.js";
import { measureProcess } from "./measure-process.js";

const cases = 200;
const edge = 24;
const repeats = 3;
const program = join(repositoryRoot, "dist", "build_processor.js");
const machine = ["--inference-engine", "onnxruntime", "--device", "cpu"];

/** Runs the program in the folder of a batch, and returns its seconds. */
async function run({ folder }: SmallBatch, ...words: readonly string[]): Promise<number> {
  const command = [process.execPath, program, "batch", ...words] as const;
  return (await measureProcess([...command], { cwd: folder })).wallSeconds;
}

const begin = ({ modelDir }: SmallBatch, output: string): readonly string[] => [
  ...["-m", modelDir, "--manifest", "cases.jsonl", "-o", output, ...machine],
];

/** Returns the time until the last of several programs has ended. */
async function together(...runs: readonly Promise<number>[]): Promise<number> {
  const began = performance.now();
  await Promise.all(runs);
  return (performance.now() - began) / 1000;
}

/** The ways in which two cases at a time are computed, each by its name; they differ only in who hands out the cases. */
function waysOf(
  batch: SmallBatch,
  redis: string,
): Readonly<Record<string, (out: string) => Promise<number>>> {
  const worker = ["worker", "--redis", redis, "--device", "cpu", "--until-empty"];
  const submitted = async (out: string, work: () => Promise<number>): Promise<number> => {
    await run(batch, "queue", "submit", ...begin(batch, out), "--redis", redis);
    return work();
  };
  return {
    local: (out) => run(batch, "run", ...begin(batch, out), "--jobs", "2"),
    files: (out) => {
      const one = () => run(batch, "run", ...begin(batch, out), "--threads", "1");
      return together(one(), one());
    },
    queue: (out) => submitted(out, () => run(batch, ...worker, "--jobs", "2")),
    "two queue workers": (out) =>
      submitted(out, () => {
        const one = () => run(batch, ...worker, "--threads", "1");
        return together(one(), one());
      }),
  };
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

/** Compares `batch run` with two workers that share a folder, and with workers of a queue, on the same cores. */
export const benchBatch = (): Promise<readonly BenchRow[]> =>
  withRedis(
    ({ address }) =>
      withSmallBatch(
        cases,
        async (batch) => {
          const ways = Object.entries(waysOf(batch, address));
          const times = new Map(ways.map(([name]) => [name, [] as number[]]));
          for (let i = 0; i < repeats; i++)
            // In turns, so that a change of the machine's load meets all of them.
            for (const [name, compute] of ways) times.get(name)!.push(await compute(outputOf(name, i)));
          const local = median(times.get("local")!);
          const answers = await answersOf(batch, "local");
          const rows: BenchRow[] = [
            {
              what: `batch: ${cases} small cases by batch run --jobs 2`,
              ours: seconds(local),
              goal: "",
              isReached: true,
            },
          ];
          for (const [name] of ways.slice(1)) {
            const time = median(times.get(name)!);
            const isSame = answers === (await answersOf(batch, name));
            rows.push({
              what: `batch: the same cases by ${name}`,
              ours: `${seconds(time)} (${(time / local).toFixed(2)}×)${isSame ? "" : ", other answers"}`,
              goal: "≤ 1.10×, the same bytes",
              isReached: time <= 1.1 * local && isSame,
            });
          }
          return rows;
        },
        edge,
      ),
    ["--appendonly", "yes"],
  );

const outputOf = (way: string, repeat: number): string => `${way.replaceAll(" ", "-")}-${repeat}`;

/** Returns all segmentations of the first run as one text. */
async function answersOf(batch: SmallBatch, way: string): Promise<string> {
  const found = await segmentationsOf({ ...batch, outputDir: join(batch.folder, outputOf(way, 0)) });
  return JSON.stringify([...found].map(([name, bytes]) => [name, bytes.toString("base64")]));
}
