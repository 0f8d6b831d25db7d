import { join } from "node:path";
import { openLocalEngine } from "../../../processor/runtime/service/engine/local-engine.js";
import { ServedModels } from "../../../processor/runtime/service/models/served-model.js";
import type { ServiceOptions } from "../../../processor/runtime/service/service-context.js";
import { convertedWorker } from "../../../processor/runtime/service/start/image-models.js";
import { convertGolden } from "../model/convert.js";
import { type TestService, temporaryFolder, testModel, testService } from "./test-service.js";

/** Makes a service that computes jobs with the golden model of one channel, in a process of its own. */
export async function blobsService(changes: Partial<ServiceOptions> = {}): Promise<TestService> {
  const folder = temporaryFolder();
  const path = join(folder, "model");
  await convertGolden({ name: "blobs_2d", outputDir: path });
  const settings = {
    device: "cpu",
    threads: 1,
    modelMemoryBytes: 1e9,
    cacheFolder: folder,
    gpuWaitMs: 0,
  } as const;
  return testService({
    models: new ServedModels([testModel("blobs", { path, defaultArgs: { tta: false } })]),
    openEngine: (listener) =>
      Promise.resolve(
        openLocalEngine({
          workers: [{ program: convertedWorker, settings, environment: {}, onDeath: () => {} }],
          listener,
        }),
      ),
    limits: {
      maxUploadBytes: 1 << 28,
      maxVoxels: 1e9,
      maxWaitingJobs: 100,
      maxWaitingJobsOfClient: 100,
      maxDownloads: 10,
      requestsPerMinute: null,
    },
    ...changes,
  });
}
