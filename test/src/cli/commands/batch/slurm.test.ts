import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { main } from "../../../../../src/cli/main.js";
import { withSmallBatch, writeSmallCase } from "../../../../support/batch/small-batch.js";
import { needs, testWith } from "../../../../support/needs.js";
import { scratchFolder } from "../../../../support/oci/oci-scratch.js";
import { outputOf } from "../../../../support/program-on-path.js";
import { testTerminal } from "../../../../support/programs/test-terminal.js";

async function run(folder: string, ...words: readonly string[]) {
  const terminal = testTerminal(folder);
  const code = await main(words, terminal);
  return { code, ...terminal.printed };
}

/** Puts programs that act as Slurm's before the others: `sbatch` runs an array's tasks at once, one after the other. */
async function withStubSlurm<T>(folder: string, use: () => Promise<T>): Promise<T> {
  const bin = join(folder, "bin");
  mkdirSync(bin);
  writeFileSync(
    join(bin, "sbatch"),
    `#!/bin/bash
echo "$@" >> ${folder}/sbatch.log
script="\${@: -1}"
last=$(sed -n 's/^#SBATCH --array=0-\\([0-9]*\\).*/\\1/p' "$script")
for i in $(seq 0 "\${last:-0}"); do
  if [ -n "$last" ]; then export SLURM_ARRAY_TASK_ID=$i SLURM_ARRAY_TASK_MIN=0 SLURM_ARRAY_TASK_COUNT=$((last + 1)); fi
  bash "$script" >> ${folder}/tasks.log 2>&1
  echo "exit $?" >> ${folder}/tasks.log
done
echo "$((100 + $(wc -l < ${folder}/sbatch.log)));cluster"
`,
  );
  writeFileSync(join(bin, "scancel"), `#!/bin/bash\necho "$@" > ${folder}/scancel.log\n`);
  for (const name of ["sbatch", "scancel"]) chmodSync(join(bin, name), 0o755);
  const before = process.env["PATH"];
  process.env["PATH"] = `${bin}${delimiter}${before}`;
  try {
    return await use();
  } finally {
    process.env["PATH"] = before;
  }
}

testWith(
  [needs.bash],
  "an array computes its cases in tasks, and its summary follows whatever happened",
  async () => {
    await withSmallBatch(5, async ({ folder, modelDir, imageDir, outputDir }) => {
      writeFileSync(join(imageDir, "case_003_0000.nii"), "damaged");
      const words = [
        "batch",
        "slurm",
        "-m",
        modelDir,
        "--manifest",
        "cases.jsonl",
        "-o",
        "out",
        "--per-task",
        "2",
      ];
      const { code, out, err } = await withStubSlurm(folder, () =>
        run(folder, ...words, "--partition", "gpu", "--device", "cpu", "--sbatch=--account=lab"),
      );
      expect({ code, err: err.split("\n")[0] }).toMatchObject({ code: 0 });
      expect(out).toBe("5 cases in 3 tasks: array 101, summary 102\n");
      expect(readFileSync(join(folder, "sbatch.log"), "utf8")).toBe(
        `--parsable ${outputDir}/slurm/array.sh\n--parsable --dependency=afterany:101 ${outputDir}/slurm/summary.sh\n`,
      );
      // The task with the damaged image fails, and the others do not.
      const exits = readFileSync(join(folder, "tasks.log"), "utf8").match(/exit \d+/g);
      expect(exits).toEqual(["exit 6", "exit 0", "exit 0", "exit 6"]);
      const summary = JSON.parse(readFileSync(join(outputDir, "summary.json"), "utf8"));
      expect(summary).toMatchObject({ total: 5, done: 4, failed: 1 });
      // The same array again computes only what has no answer.
      writeSmallCase(imageDir, "case_003", 3);
      await outputOf(
        "bash",
        "-c",
        `SLURM_ARRAY_TASK_ID=0 SLURM_ARRAY_TASK_MIN=0 SLURM_ARRAY_TASK_COUNT=3 bash ${outputDir}/slurm/array.sh`,
      );
      expect(JSON.parse((await run(folder, "batch", "status", "-o", "out", "--json")).out)).toMatchObject({
        done: 5,
      });
    });
  },
);

test("a dry run writes scripts that ask for what was given, and submits nothing", async () => {
  await withSmallBatch(3, async ({ folder, modelDir, outputDir }) => {
    const words = ["batch", "slurm", "-m", modelDir, "--manifest", "cases.jsonl", "-o", "out", "--dry-run"];
    const { code } = await run(
      folder,
      ...[
        ...words,
        "--per-task",
        "1",
        "--at-once",
        "2",
        "--gres",
        "gpu:1",
        "--time",
        "01:00:00",
        "--mem",
        "16G",
      ],
      ...["--step-size", "1", "--retries", "0"],
    );
    expect(code).toBe(0);
    const script = readFileSync(join(outputDir, "slurm", "array.sh"), "utf8");
    for (const line of ["--array=0-2%2", "--gres=gpu:1", "--time=01:00:00", "--mem=16G", "--requeue"])
      expect(script).toContain(`#SBATCH ${line}\n`);
    expect(script).toContain("#SBATCH --signal=B:TERM@60\n#SBATCH --gres");
    expect(script).toContain("--step-size 1 --retries 0 --grace 45\n");
    expect(existsSync(join(outputDir, "slurm", "jobs.json"))).toBe(false);
  });
});

test("an image's tasks see every folder that they need", async () => {
  await withSmallBatch(1, async ({ folder, outputDir }) => {
    const words = [
      "batch",
      "slurm",
      "--image",
      "liver.sif",
      "--manifest",
      "cases.jsonl",
      "-o",
      "out",
      "--dry-run",
    ];
    expect(await run(folder, ...words, "--gres=gpu:1")).toMatchObject({ code: 0 });
    expect(readFileSync(join(outputDir, "slurm", "array.sh"), "utf8")).toContain(
      `apptainer run --nv --bind ${folder} ${folder}/liver.sif batch run --manifest ${folder}/cases.jsonl --output ${outputDir}`,
    );
  });
});

test("Slurm's own refusal is reported", async () => {
  await withSmallBatch(1, async ({ folder, modelDir }) => {
    const words = ["batch", "slurm", "-m", modelDir, "--manifest", "cases.jsonl", "-o", "out"];
    await withStubSlurm(folder, async () => {
      writeFileSync(join(folder, "bin", "sbatch"), "#!/bin/sh\necho 'invalid partition' >&2\nexit 1\n");
      const { code, err } = await run(folder, ...words);
      expect(code).toBe(5);
      expect(err).toContain("sbatch: invalid partition");
    });
  });
});

test.each([
  { words: ["--sbatch", "account=lab"], says: "--name=value" },
  { words: ["--sbatch=--x=1\nrm -rf"], says: "--name=value" },
  { words: ["--per-task", "0"], says: "--per-task must be" },
  { words: ["--image", "x.sif"], says: "either --model-dir or --image" },
])("$words is refused: $says", async ({ words, says }) => {
  await withSmallBatch(1, async ({ folder, modelDir }) => {
    const { code, err } = await run(
      folder,
      ...["batch", "slurm", "-m", modelDir, "--manifest", "cases.jsonl", "-o", "out", "--dry-run", ...words],
    );
    expect(code).toBe(2);
    expect(err).toContain(says);
  });
});

test("cancelling a batch cancels its array", async () => {
  await withSmallBatch(1, async ({ folder, modelDir }) => {
    await withStubSlurm(folder, async () => {
      await run(
        folder,
        "batch",
        "slurm",
        "-m",
        modelDir,
        "--manifest",
        "cases.jsonl",
        "-o",
        "out",
        "--device",
        "cpu",
      );
      expect(await run(folder, "batch", "cancel", "-o", "out")).toMatchObject({ code: 0 });
      expect(readFileSync(join(folder, "scancel.log"), "utf8")).toBe("101 102\n");
    });
  });
});

test("Kubernetes gets an indexed job that repeats only what another pod may do better", async () => {
  const words = ["--image", "team/liver:1", "--claim", "scans", "--shards", "20", "--parallelism", "4"];
  const { code, out } = await run(
    scratchFolder(),
    "batch",
    "k8s",
    ...words,
    "--gpus",
    "1",
    "--memory",
    "16Gi",
  );
  expect(code).toBe(0);
  const { spec } = parse(out);
  expect(spec).toMatchObject({
    completionMode: "Indexed",
    completions: 20,
    parallelism: 4,
    backoffLimitPerIndex: 2,
  });
  expect(spec.podFailurePolicy.rules).toMatchObject([
    { action: "FailIndex", onExitCodes: { values: [2, 3, 4, 6] } },
    { action: "Ignore", onPodConditions: [{ type: "DisruptionTarget" }] },
  ]);
  expect(spec.template.spec.containers[0]).toMatchObject({
    image: "team/liver:1",
    args: [
      "batch",
      "run",
      "--manifest",
      "/data/cases.jsonl",
      "--output",
      "/data/out",
      "--shards",
      "20",
      "--grace",
      "20",
    ],
    resources: { limits: { "nvidia.com/gpu": 1, memory: "16Gi" } },
  });
});
