import { stringify } from "yaml";

export interface IndexedJobOptions {
  readonly name: string;
  readonly image: string;
  /** The claim of the volume that holds images, manifest and results. */
  readonly claim: string;
  /** Where the volume is mounted. */
  readonly mountPath: string;
  /** Paths in the container. */
  readonly manifest: string;
  readonly output: string;
  readonly shards: number;
  /** The most pods at a time. */
  readonly parallelism: number;
  readonly gpus: number;
  readonly memory: string | null;
}

/**
 * Returns an Indexed Job of Kubernetes (batch/v1, from 1.29) whose pods compute one shard each. A pod that fails for its model
 * or its images is not repeated; one that a node's drain ended is, without counting.
 */
export function indexedJob(options: IndexedJobOptions): string {
  const { name, image, claim, mountPath, manifest, output, shards, parallelism, gpus, memory } = options;
  const limits = {
    ...(gpus > 0 ? { "nvidia.com/gpu": gpus } : {}),
    ...(memory === null ? {} : { memory }),
  };
  return stringify({
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name },
    spec: {
      completionMode: "Indexed",
      completions: shards,
      parallelism,
      backoffLimitPerIndex: 2,
      podFailurePolicy: {
        rules: [
          {
            action: "FailIndex",
            onExitCodes: { containerName: "segment", operator: "In", values: [2, 3, 4, 6] },
          },
          { action: "Ignore", onPodConditions: [{ type: "DisruptionTarget", status: "True" }] },
        ],
      },
      template: {
        spec: {
          restartPolicy: "Never",
          terminationGracePeriodSeconds: 30,
          containers: [
            {
              name: "segment",
              image,
              args: [
                ...["batch", "run", "--manifest", manifest, "--output", output],
                ...["--shards", String(shards), "--grace", "20"],
              ],
              ...(Object.keys(limits).length === 0 ? {} : { resources: { limits } }),
              volumeMounts: [{ name: "data", mountPath }],
            },
          ],
          volumes: [{ name: "data", persistentVolumeClaim: { claimName: claim } }],
        },
      },
    },
  });
}
