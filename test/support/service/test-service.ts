import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { createService, type Service } from "../../../processor/runtime/service/create-service.js";
import { DataRoots } from "../../../processor/runtime/service/requests/data-roots.js";
import type { ServiceOptions } from "../../../processor/runtime/service/service-context.js";
import { openTestEngine, type TestEngine } from "./test-engine.js";
import { testModel } from "./test-model.js";
import { usualOptions } from "./usual-options.js";

export interface TestService extends Service {
  readonly folder: string;
  readonly engine: TestEngine;
  readonly logLines: readonly string[];
}

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "service-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Makes a service with an engine that the test controls. It ends with the test. */
export async function testService(changes: Partial<ServiceOptions> = {}): Promise<TestService> {
  const folder = changes.folder ?? temporaryFolder();
  const logLines: string[] = [];
  let engine: TestEngine | null = null;
  const service = await createService({
    folder,
    ...usualOptions(),
    openEngine: (listener) => {
      engine = openTestEngine(listener);
      return Promise.resolve(engine);
    },
    dataRoots: new DataRoots([]),
    writeLog: (line) => logLines.push(line),
    ...changes,
  });
  onTestFinished(() => service.close(0));
  return { ...service, folder, engine: engine!, logLines };
}

/** Sends a job with an id of the client's own, and one file. */
export async function putJob(
  { app }: TestService,
  id: string,
  moreHeaders: Readonly<Record<string, string>> = {},
) {
  const { payload, headers } = await formOf({ model: "organ" }, { "scan.nii.gz": "voxels" });
  const url = `/v1/jobs/${id}`;
  return app.inject({
    method: "PUT",
    url,
    payload,
    headers: { host: "localhost", ...headers, ...moreHeaders },
  });
}

/** Returns the body and the headers of a form with a request and files. */
export async function formOf(
  request: unknown,
  files: Readonly<Record<string, string | Uint8Array>>,
): Promise<{ readonly payload: Buffer; readonly headers: Readonly<Record<string, string>> }> {
  const form = new FormData();
  form.append("request", typeof request === "string" ? request : JSON.stringify(request));
  for (const [name, content] of Object.entries(files))
    form.append("file", new Blob([content as string]), name);
  return sentForm(form);
}

/** Returns the body and the headers of a form as a browser sends it. */
export async function sentForm(
  form: FormData,
): Promise<{ readonly payload: Buffer; readonly headers: Readonly<Record<string, string>> }> {
  const response = new Response(form);
  return {
    payload: Buffer.from(await response.arrayBuffer()),
    headers: { "content-type": response.headers.get("content-type")! },
  };
}

export { testModel };
