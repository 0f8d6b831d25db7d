import type { InferredOptionTypes } from "yargs";
import { sharedError } from "../../../../processor/contract/shared-errors.js";
import { indexedJob } from "../../../batch/indexed-job.js";
import type { CommandSession } from "../../command-session.js";
import type { batchK8sOptions } from "../../options/scheduler-options.js";

type K8sArguments = InferredOptionTypes<typeof batchK8sOptions>;

/** `build_processor batch k8s`: prints an Indexed Job of Kubernetes. It applies nothing. */
export async function runBatchK8s(args: K8sArguments, { terminal }: CommandSession): Promise<number> {
  const { image, claim, mount, manifest, output, shards, parallelism, gpus, memory, name } = args;
  for (const [flag, value, least] of [
    ["shards", shards, 1],
    ["parallelism", parallelism, 1],
    ["gpus", gpus, 0],
  ] as const)
    if (!Number.isInteger(value) || value < least)
      throw sharedError("USAGE", `--${flag} must be a whole number, ${least} or more, but is ${value}`);
  if (!/^[a-z0-9](?:[a-z0-9-]{0,50}[a-z0-9])?$/.test(name))
    throw sharedError("USAGE", `--name takes lower-case letters, digits and -, not ${JSON.stringify(name)}`);
  terminal.out(
    indexedJob({
      name,
      image,
      claim,
      mountPath: mount,
      manifest,
      output,
      shards,
      parallelism,
      gpus,
      memory: memory ?? null,
    }),
  );
  return 0;
}
