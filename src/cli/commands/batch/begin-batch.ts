import { resolve } from "node:path";
import type { InferredOptionTypes } from "yargs";
import type { EventListener } from "../../../../processor/contract/progress/run-event.js";
import type { ImageSettings } from "../../../../processor/contract/run-settings.js";
import { readManifest } from "../../../../processor/runtime/batch/batch-manifest.js";
import { type OpenedBatch, openBatch } from "../../../../processor/runtime/batch/open-batch.js";
import { withBatchModel } from "../../../batch/batch-model.js";
import type { CommandSession } from "../../command-session.js";
import { modelRequest } from "../../named-models.js";
import { nvidiaArguments } from "../../nvidia-arguments.js";
import type { batchRunOptions } from "../../options/batch-options.js";
import type { batchSubmitOptions } from "../../options/scheduler-options.js";

type BeginArguments = Pick<InferredOptionTypes<typeof batchRunOptions>, BeginFlag> &
  Partial<Pick<InferredOptionTypes<typeof batchRunOptions>, "process-img-file">>;

type BeginFlag = Exclude<keyof typeof batchSubmitOptions, "retries" | "redis" | "queue">;

export interface BeginOptions {
  readonly settings: ImageSettings;
  readonly onEvent: EventListener;
  readonly session: CommandSession;
}

/**
 * Opens the batch that the flags name, with its model, for the time of `use`. Checks the manifest first,
 * because converting the model takes time and writes into the folder of the batch.
 */
export async function withBatch<T>(
  args: BeginArguments,
  { settings, onEvent, session }: BeginOptions,
  use: (batch: OpenedBatch) => Promise<T>,
): Promise<T> {
  const manifestFile = resolve(session.currentDirectory, args.manifest);
  await readManifest(manifestFile);
  return withBatchModel(
    {
      models: modelRequest(args, await nvidiaArguments(args, session)),
      outputDir: args.output,
      settings,
      dicomMetadataFile: args["dicom-metadata"] ?? null,
      hookFile: args["process-img-file"] ?? null,
    },
    session,
    async (model) =>
      use(
        await openBatch({
          model,
          manifestFile,
          outputDir: resolve(session.currentDirectory, args.output),
          other: args["force-new"] ? "replace" : "refuse",
          onEvent,
          signal: session.signal,
        }),
      ),
  );
}
