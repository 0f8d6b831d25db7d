import { dirname, join, resolve } from "node:path";
import type { InferredOptionTypes } from "yargs";
import { counted } from "../../../../processor/contract/counted.js";
import { showEvents } from "../../../../processor/contract/progress/show-events.js";
import {
  flagNames,
  predictDefaults,
  settingChoices,
  settingsOn,
} from "../../../../processor/contract/setting-choices.js";
import { sharedError } from "../../../../processor/contract/shared-errors.js";
import { makeFolder } from "../../../../processor/files/make-folder.js";
import { writeFileWhole } from "../../../../processor/files/write-file.js";
import { type BatchManifest, readManifest } from "../../../../processor/runtime/batch/batch-manifest.js";
import { removeCancelMark } from "../../../../processor/runtime/batch/cancel-mark.js";
import { outerFolders } from "../../../batch/outer-folders.js";
import { slurmScripts } from "../../../batch/slurm-script.js";
import { submitArray } from "../../../batch/submit-array.js";
import { packageRoot } from "../../../ground/files/package-root.js";
import type { CommandSession } from "../../command-session.js";
import { jsonText } from "../../json-text.js";
import type { batchSlurmOptions } from "../../options/scheduler-options.js";
import { sbatchOptions } from "../../sbatch-options.js";
import { withBatch } from "./begin-batch.js";

type SlurmArguments = InferredOptionTypes<typeof batchSlurmOptions>;

/** `build_processor batch slurm`: computes a manifest with an array of Slurm. */
export async function runBatchSlurm(args: SlurmArguments, session: CommandSession): Promise<number> {
  const { terminal, currentDirectory, progress, signal } = session;
  const outputDir = resolve(currentDirectory, args.output);
  const manifest = await readManifest(resolve(currentDirectory, args.manifest));
  const perTask = args["per-task"];
  if (!Number.isInteger(perTask) || perTask < 1)
    throw sharedError("USAGE", `--per-task must be a whole number, 1 or more, but is ${perTask}`);
  const command = await taskCommand(args, manifest, session);
  const tasks = Math.ceil(manifest.cases.length / perTask);
  const texts = slurmScripts({
    command,
    summaryCommand: [...ownProgram, "batch", "status", "-o", outputDir, "--write"],
    outputDir,
    sbatchOptions: sbatchOptions(args),
    mostAtOnce: args["at-once"] ?? null,
    tasks,
    jobName: "nnunet-batch",
  });
  const folder = join(outputDir, "slurm");
  await makeFolder(folder);
  const scripts = { array: join(folder, "array.sh"), summary: join(folder, "summary.sh") };
  await writeFileWhole(scripts.array, [Buffer.from(texts.array)]);
  await writeFileWhole(scripts.summary, [Buffer.from(texts.summary)]);
  const size = `${counted(manifest.cases.length, "case")} in ${counted(tasks, "task")}`;
  if (args["dry-run"]) {
    terminal.out(args.json ? jsonText({ scripts, tasks }) : `${size}: ${scripts.array}\n`);
    return 0;
  }
  const ids = await submitArray(scripts, signal);
  await writeFileWhole(join(folder, "jobs.json"), [Buffer.from(jsonText(ids))]);
  progress.note("`build_processor batch status` reports what is done");
  terminal.out(
    args.json
      ? jsonText({ ...ids, scripts, tasks })
      : `${size}: array ${ids.array}, summary ${ids.summary}\n`,
  );
  return 0;
}

/** Not the command of a clone, which would set it up again after a change, in every task. */
const ownProgram = [process.execPath, join(packageRoot, "dist", "build_processor.js")];

/** Returns the command of a task. Without an image, it opens the batch first, so that a trained model is converted once. */
async function taskCommand(
  args: SlurmArguments,
  manifest: BatchManifest,
  session: CommandSession,
): Promise<readonly string[]> {
  const { currentDirectory, progress } = session;
  const outputDir = resolve(currentDirectory, args.output);
  const manifestFile = resolve(currentDirectory, args.manifest);
  const words = [
    ...["--manifest", manifestFile, "--output", outputDir, ...settingWords(args)],
    ...(args.retries === undefined ? [] : ["--retries", args.retries]),
    ...(args["max-failures"] === undefined ? [] : ["--max-failures", args["max-failures"]]),
  ];
  const { image, "model-dir": modelDir } = args;
  if ((image === undefined) === (modelDir === undefined))
    throw sharedError("USAGE", "give either --model-dir or --image");
  if (image !== undefined) {
    const inputs = manifest.cases.flatMap((one) => one.inputs.map(({ path }) => dirname(path)));
    await makeFolder(outputDir);
    const binds = outerFolders([...inputs, dirname(manifestFile), outputDir]);
    const usesGpu = /gpu/.test(args.gres ?? "");
    return [
      ...["apptainer", "run", ...(usesGpu ? ["--nv"] : []), ...binds.flatMap((bind) => ["--bind", bind])],
      ...[resolve(currentDirectory, image), "batch", "run", ...words],
    ];
  }
  const settings = settingChoices(args, "predict", flagNames).applyTo(predictDefaults());
  const begin = { settings, onEvent: showEvents(progress), session };
  return withBatch({ ...args, "model-dir": modelDir! }, begin, async ({ folder, file }) => {
    await removeCancelMark(folder);
    const { folds, appliesPostProcessing } = file.model;
    return [
      ...[...ownProgram, "batch", "run", "--model-dir", file.model.folder, ...words],
      ...(folds === null ? [] : ["--folds", ...folds]),
      ...(appliesPostProcessing ? [] : ["--postprocessing", "off"]),
      ...(args["dicom-metadata"] === undefined
        ? []
        : ["--dicom-metadata", resolve(currentDirectory, args["dicom-metadata"])]),
    ];
  });
}

/** Returns the flags of the settings as they were given. */
function settingWords(args: SlurmArguments): readonly string[] {
  const given: Readonly<Record<string, unknown>> = { ...args };
  return settingsOn("predict").flatMap(({ flag, row: { offFlag } }) => {
    const value = offFlag !== null && given[offFlag] === true ? false : given[flag];
    if (value === undefined) return [];
    if (typeof value === "boolean") return [value ? `--${flag}` : `--no-${flag}`];
    return [`--${flag}`, Array.isArray(value) ? value.join(",") : String(value)];
  });
}
