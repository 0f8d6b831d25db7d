import { cpus } from "node:os";
import { resolve } from "node:path";
import type { InferredOptionTypes } from "yargs";
import { mapNonEmpty } from "../../../processor/contract/non-empty.js";
import { flagNames, predictDefaults, settingChoices } from "../../../processor/contract/setting-choices.js";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { writeFileWhole } from "../../../processor/files/write-file.js";
import type { Zyx } from "../../../processor/imaging/volume/axes.js";
import { benchmarkModel, type ModelBenchmark } from "../../benchmark/benchmark-model.js";
import { isConverted } from "../../convert/converted-folder.js";
import { throughput } from "../../ground/throughput.js";
import { requestedModels } from "../../models/requested-models.js";
import { nnunetFolders } from "../../nnunet/folders.js";
import { measureTraining } from "../../nnunet/training/measure-training.js";
import { programOf } from "../../nnunet/training/trainer-command.js";
import { withConvertedModel } from "../../predict/with-converted-model.js";
import type { CommandSession } from "../command-session.js";
import { modelRequest } from "../named-models.js";
import type { benchmarkOptions } from "../options/benchmark-options.js";
import { trainingProgress } from "../training-progress.js";

type BenchmarkArguments = InferredOptionTypes<typeof benchmarkOptions> & {
  readonly mode: "preprocess" | "predict" | "train";
};

/** What was measured, and where. */
interface Measured {
  readonly mode: string;
  readonly size: readonly number[];
  readonly runsOn: string;
  readonly steps: number;
  /** The fields of NVIDIA's `perf.json`. */
  readonly fields: Readonly<Record<string, number>>;
}

/** `build_processor benchmark MODE`: measures throughput and latencies, under the names that NVIDIA's benchmark has. */
export async function runBenchmark(args: BenchmarkArguments, session: CommandSession): Promise<number> {
  const { terminal, currentDirectory } = session;
  const measured =
    args.mode === "train" ? await measureTrain(args, session) : await measureModel(args, session);
  const line = JSON.stringify(measured.fields);
  if (args.output !== undefined)
    await writeFileWhole(resolve(currentDirectory, args.output), [Buffer.from(`${line}\n`)]);
  terminal.out(args.json ? `${JSON.stringify(measured, null, 2)}\n` : tableText(measured));
  return 0;
}

async function measureModel(args: BenchmarkArguments, session: CommandSession): Promise<Measured> {
  const { currentDirectory } = session;
  const modelDirs = args["model-dir"];
  if (modelDirs === undefined)
    throw sharedError("USAGE", "--model-dir is missing: it names the model to measure");
  const benchmark: ModelBenchmark = {
    mode: args.mode === "predict" ? "predict" : "preprocess",
    sizeZyx: args.size === undefined ? null : three("--size", args.size, Number.isSafeInteger),
    spacingMmZyx: three("--spacing", args.spacing, Number.isFinite),
    steps: count("--steps", args.steps, 1),
    warmUp: count("--warm-up", args["warm-up"], 0),
    settings: settingChoices({ device: args.device }, "predict", flagNames).applyTo(predictDefaults()),
  };
  const measure = async (folder: string): Promise<Measured> => {
    const { sizeZyx, executionProvider, fields } = await benchmarkModel(folder, benchmark, session);
    const runsOn = executionProvider ?? `${cpus().length} cores`;
    return { mode: args.mode, size: sizeZyx, runsOn, steps: benchmark.steps, fields };
  };
  const [first, ...others] = modelDirs;
  if (first !== undefined && others.length === 0 && (await isConverted(resolve(currentDirectory, first))))
    return measure(resolve(currentDirectory, first));
  const request = modelRequest({ ...args, "model-dir": modelDirs, postprocessing: "off" }, null);
  const models = await requestedModels(request, session);
  // A cascade's network is timed alone.
  const alone = {
    ...models,
    members: mapNonEmpty(models.members, ({ model }) => ({ model, previousStage: null })),
  };
  return withConvertedModel(alone, { work: session, parent: null }, measure);
}

async function measureTrain(args: BenchmarkArguments, session: CommandSession): Promise<Measured> {
  const { environment, currentDirectory, terminal, progress, signal } = session;
  const configuration = args.configuration?.[0];
  if (args.dataset === undefined || configuration === undefined)
    throw sharedError("USAGE", "training is measured on a data set: --dataset and --configuration name it");
  const shown = trainingProgress(terminal, progress, false);
  const { stepMs, batchSize, patchSize } = await measureTraining({
    dataset: args.dataset,
    configuration,
    trainer: args.trainer,
    plans: args.plans,
    folders: nnunetFolders({ environment, currentDirectory }, 2),
    environment,
    runner: programOf(args.venv === undefined ? null : resolve(currentDirectory, args.venv)),
    device: args.device === "cpu" ? "cpu" : "cuda",
    onEvent: shown.onEvent,
    onWarning: (text) => progress.note(`warning: ${text}`),
    signal,
  }).finally(shown.done);
  const fields = throughput("train", stepMs, batchSize);
  return { mode: "train", size: patchSize, runsOn: args.device, steps: stepMs.length, fields };
}

/** @throws USAGE */
function three(flag: string, numbers: readonly number[], isRight: (value: number) => boolean): Zyx {
  const [z, y, x, ...others] = numbers;
  if (others.length > 0 || ![z, y, x].every((value) => value !== undefined && isRight(value) && value > 0))
    throw sharedError(
      "USAGE",
      `${flag} is three numbers above 0, in the order z y x; not ${numbers.join(" ")}`,
    );
  return [z!, y!, x!];
}

/** @throws USAGE */
function count(flag: string, value: number, least: number): number {
  if (!Number.isSafeInteger(value) || value < least || value > 100_000)
    throw sharedError("USAGE", `${flag} is a whole number from ${least} to 100000; not ${value}`);
  return value;
}

function tableText({ mode, size, runsOn, steps, fields }: Measured): string {
  const what = mode === "train" ? `${steps} epochs, patches of` : `${steps} images of`;
  const rows = Object.entries(fields).map(
    ([name, value]) => `  ${name.padEnd(26)} ${value} ${name.startsWith("throughput") ? "images/s" : "ms"}`,
  );
  return `${mode}: ${what} ${size.join(" × ")} voxels, on ${runsOn}\n${rows.join("\n")}\n`;
}
