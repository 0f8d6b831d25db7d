/** A service whose jobs end at once, in a process of its own. It sends its port, and its memory when it is asked. */
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createService } from "../../processor/runtime/service/create-service.js";
import { ServedModels } from "../../processor/runtime/service/models/served-model.js";
import { DataRoots } from "../../processor/runtime/service/requests/data-roots.js";
import { emptyResult } from "../support/service/test-engine.js";
import { testModel } from "../support/service/test-model.js";
import { usualOptions } from "../support/service/usual-options.js";

const folder = mkdtempSync(join(tmpdir(), "service-bench-"));
const many = 1e6;
const usual = usualOptions();
const service = await createService({
  ...usual,
  folder,
  models: new ServedModels([testModel("organ")]),
  openEngine: (listener) =>
    Promise.resolve({
      keepsJobs: false,
      submit({ id }) {
        listener({ kind: "started", id });
        listener({ kind: "done", id, result: emptyResult });
      },
      cancel: () => {},
      status: () => ({ isReady: true, reason: null, running: 0, loadedModels: [] }),
      expire: () => Promise.resolve(0),
      close: () => Promise.resolve(),
    }),
  dataRoots: new DataRoots([]),
  limits: { ...usual.limits, maxUploadBytes: 2 ** 32, maxWaitingJobs: many, maxWaitingJobsOfClient: many },
  writeLog: () => {},
});
await service.app.listen({ host: "127.0.0.1", port: 0 });
let peakBytes = 0;
setInterval(() => {
  peakBytes = Math.max(peakBytes, process.memoryUsage.rss());
}, 20).unref();
process.on("message", () => {
  globalThis.gc?.();
  process.send!({ bytes: process.memoryUsage.rss(), peakBytes });
  peakBytes = 0;
});
process.once("disconnect", () => {
  rmSync(folder, { recursive: true, force: true });
  process.exit();
});
process.send!({ port: (service.app.server.address() as AddressInfo).port });
