import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { counted } from "../../contract/counted.js";
import { nearest } from "../../contract/nearest-name.js";
import { places } from "../../contract/places.js";
import type { EventListener } from "../../contract/progress/run-event.js";
import { flagNames, settingChoices, settingsOn, wordsOf } from "../../contract/setting-choices.js";
import { sharedError } from "../../contract/shared-errors.js";
import { loadModel } from "../model/load-model.js";
import { removeCancelMark } from "./cancel-mark.js";
import { openBatch } from "./open-batch.js";
import { runBatch } from "./run-batch.js";
import { runChoices, sharedSettings } from "./run-choices.js";

/** The settings that a batch in an image takes: those of the prediction. */
const settings = settingsOn("image").filter(({ row }) => row.on.includes("predict"));

const imageBatchHelp = `Usage: batch run --manifest FILE --output DIR [options]

Segments the cases of a manifest that are not done, with the image's own model. Any number of containers may share the
folder; start it again to go on. \`build_processor batch plan\` writes a manifest.
\`batch worker --help\` shows how a container computes the cases of a queue in Redis.

  --manifest FILE              a case in each line: {"case": "a", "inputs": ["a_0000.nii.gz"]}
  -o, --output DIR             folder of the batch (default /output)
  --shard I/N, --shards N      compute only one of N shards; arrays of Slurm, Kubernetes and AWS Batch set I
  --steal                      then compute cases of other shards that nobody has begun
  --jobs N                     cases to compute side by side (default 1)
  --gpus 0,1                   GPUs to use, each for cases of its own
  --retries N                  further attempts after a failure of the machine (default 2)
  --max-failures N|P%          stop after more failed cases than this
  --grace SECONDS              time for running cases to finish after SIGTERM (default 0)
  --force-new                  use a folder that holds another batch
  --folds 0,1                  folds to average
  --model-dir DIR              converted model (default ${places.image.model}, or $NNUNET_MODEL_DIR)
  --help

Settings, as in the image's own help: ${settings.map(({ flag }) => `--${flag}`).join(", ")}
`;

const text = { type: "string" } as const;
const list = { type: "string", multiple: true } as const;
const flag = { type: "boolean" } as const;

const ownOptions = {
  manifest: text,
  output: { ...text, short: "o" },
  shard: text,
  shards: text,
  steal: flag,
  jobs: text,
  gpus: list,
  gpu: list,
  retries: text,
  "max-failures": text,
  grace: text,
  "force-new": flag,
  folds: list,
  "model-dir": text,
  help: flag,
};

interface FlagRule {
  readonly type: "string" | "boolean";
  readonly multiple?: boolean;
}

const settingOptions: Readonly<Record<string, FlagRule>> = Object.fromEntries(
  settings.flatMap(({ flag: name, row: { value, offFlag } }) => [
    [name, value.form === "switch" ? flag : value.form === "list" ? list : text],
    ...(offFlag === null ? [] : [[offFlag, flag]]),
  ]),
);

const options = { ...settingOptions, ...ownOptions };

/** What the program in an image gives to a batch. */
export interface ImageBatchContext {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly onEvent: EventListener;
  readonly print: (text: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Runs `batch run` in an image.
 *
 * @param argv the words after `batch`
 * @throws USAGE, SOME_CASES_FAILED, and what `openBatch` and `runBatch` throw
 */
export async function runBatchInImage(argv: readonly string[], context: ImageBatchContext): Promise<number> {
  const { environment, onEvent, print, signal } = context;
  const { values, positionals } = parse(argv);
  const [action, ...others] = positionals;
  if (values.help === true || (action === undefined && argv.length === 0)) {
    print(imageBatchHelp);
    return 0;
  }
  if (action !== "run" || others.length > 0)
    throw sharedError(
      "USAGE",
      `an image runs \`batch run\` and \`batch worker\`, not \`batch ${positionals.join(" ")}\`; build_processor has the other commands`,
    );
  if (values.manifest === undefined) throw sharedError("USAGE", "--manifest is missing");
  const gpus = [values.gpus ?? [], values.gpu ?? []].flat();
  const choices = runChoices(
    { ...values, gpus: gpus.length === 0 ? undefined : gpus.join(",") },
    environment,
  );
  const modelDir = values["model-dir"] ?? environment["NNUNET_MODEL_DIR"] ?? places.image.model;
  const { manifest } = await loadModel(modelDir, null);
  const chosen = settingChoices(values, "image", flagNames).applyTo(manifest.settings);
  const { hookModule } = chosen;
  const batch = await openBatch({
    model: {
      modelDir: resolve(modelDir),
      folds: values.folds === undefined ? null : wordsOf(values.folds),
      appliesPostProcessing: true,
      settings: sharedSettings(chosen, choices.workers),
      hookModule: hookModule === null ? null : join(modelDir, hookModule),
    },
    manifestFile: values.manifest,
    outputDir: values.output ?? "/output",
    other: values["force-new"] === true ? "replace" : "refuse",
    onEvent,
    signal,
  });
  if (choices.shard === null) await removeCancelMark(batch.folder);
  const { records } = await runBatch(batch, { ...choices, onEvent, onFinished: () => {}, signal });
  const failed = records.filter(({ state }) => state === "failed");
  if (failed.length > 0)
    throw sharedError(
      "SOME_CASES_FAILED",
      `${failed.length} of ${counted(records.length, "case")} failed: ${failed.map((one) => one.case).join(", ")}`,
    );
  print(`${counted(records.length, "case")} done\n`);
  return 0;
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowNegative: true,
      allowPositionals: true,
      options,
    });
  } catch (cause) {
    const { message } = cause as Error;
    const dashed = /^Unknown option '([^']+)'/.exec(message)?.[1];
    if (dashed === undefined) throw sharedError("USAGE", message, { cause });
    const near = nearest(dashed.replace(/^-+/, ""), Object.keys(options));
    throw sharedError("USAGE", `no option ${dashed}${near === null ? "" : `; did you mean --${near}?`}`, {
      cause,
    });
  }
}
