import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { writeImage } from "../../../processor/imaging/formats/write-image.js";
import type { JobFile } from "../../../processor/runtime/service/jobs/job.js";
import type { ServiceOptions } from "../../../processor/runtime/service/service-context.js";
import { repositoryRoot } from "../golden.js";
import { type TestService, testService } from "../service/test-service.js";
import { phantomImage, phantomLabels } from "./phantom.js";

const page = join(repositoryRoot, "dist", "viewer", "page");

export interface PageService extends TestService {
  readonly address: string;
  /** Starts a job and ends it with the phantom as its image and result. */
  finishWithPhantom(id: string): Promise<void>;
}

/** Serves the built web page with an engine that the test controls. */
export async function pageService(changes: Partial<ServiceOptions> = {}): Promise<PageService> {
  const service = await testService({ pageFolder: page, ...changes });
  const address = await service.app.listen({ host: "127.0.0.1", port: 0 });
  const { engine } = service;
  return {
    ...service,
    address: `${address}/`,
    async finishWithPhantom(id) {
      const { work } = engine.jobs.find((job) => job.id === id)!;
      const files = await writePhantom(work.outputDir);
      engine.report({ kind: "started", id });
      const model = work.stages[0].modelId;
      const stage = {
        model,
        is_empty: false,
        labels: [],
        warnings: [],
        seconds: {},
        execution_provider: "cpu",
      };
      engine.report({ kind: "done", id, result: { time_elapsed: 3, gpu: null, stages: [stage], files } });
    },
  };
}

async function writePhantom(folder: string): Promise<readonly JobFile[]> {
  await mkdir(join(folder, "stage_0"), { recursive: true });
  const contents = [
    { name: "stage_0/prediction.nii.gz", kind: "label-map", image: phantomLabels() },
    { name: "stage_0/input_volume_0.nii.gz", kind: "input-volume", image: phantomImage() },
  ];
  const files: JobFile[] = [];
  for (const { name, kind, image } of contents) {
    await writeImage(image, join(folder, name));
    files.push({ name, kind, stage: 0, bytes: (await stat(join(folder, name))).size });
  }
  return files;
}
