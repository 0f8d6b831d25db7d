import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { writeImage } from "../../../../processor/imaging/formats/write-image.js";
import { DataRoots } from "../../../../processor/runtime/service/requests/data-roots.js";
import { openLog } from "../../../../processor/runtime/service/start/open-log.js";
import { serveSettings } from "../../../../processor/runtime/service/start/serve-settings.js";
import { testImage } from "../../../support/images/test-image.js";
import { formOf, temporaryFolder, testService } from "../../../support/service/test-service.js";

const host = "localhost";

async function smallService(data: string) {
  const limits = {
    maxUploadBytes: 1 << 20,
    maxVoxels: 100,
    maxWaitingJobs: 10,
    maxWaitingJobsOfClient: 10,
    maxDownloads: 1,
    requestsPerMinute: null,
  };
  return testService({ dataRoots: new DataRoots([data]), needsMetadata: false, limits });
}

test.each(["scan.nii.gz", "scan.nii", "scan.mha", "scan.nrrd"])(
  "a scan with too many voxels is refused before its job waits: %s",
  async (name) => {
    const data = temporaryFolder();
    const path = join(data, name);
    await writeImage(testImage([2, 10, 10]), path);
    const service = await smallService(data);
    const form = await formOf({ model: "organ" }, { [name]: readFileSync(path) });
    const inferForm = await formOf({ nnunet_id: "organ" }, { [name]: readFileSync(path) });
    const series = { study_path: data, series_folders: [name] };
    const asked = [
      { url: "/v1/jobs", ...form },
      { url: "/v1/jobs", payload: { model: "organ", ...series }, headers: {} },
      { url: "/infer_file", ...inferForm },
      {
        url: "/infer",
        payload: { nnunet_id: "organ", output_dir: join(data, "out"), ...series },
        headers: {},
      },
    ];
    for (const { headers, ...one } of asked) {
      const answer = await service.app.inject({ method: "POST", ...one, headers: { host, ...headers } });
      expect([answer.statusCode, answer.json().code], answer.body).toEqual([413, "SCAN_TOO_LARGE"]);
      expect(answer.json().error).toContain("has 200 voxels; this server takes 100");
    }
    expect(service.engine.jobs).toEqual([]);
    expect((await service.app.inject({ url: "/v1/jobs", headers: { host } })).json().jobs).toEqual([]);
  },
);

test("an uploaded scan with too many voxels is refused, and stays for another server or its end", async () => {
  const data = temporaryFolder();
  const path = join(data, "scan.nii.gz");
  await writeImage(testImage([2, 10, 10]), path);
  const payload = readFileSync(path);
  const service = await smallService(data);
  const ask = (method: "POST" | "PATCH", url: string, more: object) =>
    service.app.inject({ method, url, headers: { host }, ...more });
  const upload = { payload: { name: "scan.nii.gz", bytes: payload.length } };
  const { id } = (await ask("POST", "/v1/uploads", upload)).json();
  const headers = {
    host,
    "content-type": "application/octet-stream",
    "content-range": `bytes 0-${payload.length - 1}/${payload.length}`,
  };
  expect((await ask("PATCH", `/v1/uploads/${id}`, { payload, headers })).statusCode).toBe(200);
  const refused = await ask("POST", "/v1/jobs", { payload: { model: "organ", uploads: [id] } });
  expect([refused.statusCode, refused.json().code]).toEqual([413, "SCAN_TOO_LARGE"]);
});

test("nnunet_serve's variables set the log, and a flag of the same meaning wins", async () => {
  const folder = join(temporaryFolder(), "logs");
  const environment = {
    LOGS_DIR: folder,
    NNUNET_SERVE_LOGGING_LEVEL: "WARNING",
    NNUNET_SERVE_PORT: "1",
    UVICORN_PORT: "2",
  };
  const { logLevel, logsDir, port } = serveSettings({}, environment);
  expect([logLevel, logsDir, port]).toEqual(["warning", folder, 1]);
  expect(serveSettings({ "log-level": "debug" }, environment).logLevel).toBe("debug");
  expect(() => serveSettings({}, { NNUNET_SERVE_LOGGING_LEVEL: "loud" })).toThrow(
    /--log-level must be one of/,
  );
  const lines: string[] = [];
  const log = await openLog({ level: logLevel, folder: logsDir, write: (line) => lines.push(line) });
  log(JSON.stringify({ level: "info", message: "a" }));
  log(JSON.stringify({ level: "error", message: "b" }));
  expect(lines).toEqual(['{"level":"error","message":"b"}']);
  await expect
    .poll(() => readFileSync(join(folder, "nnunet-serve.log"), "utf8"))
    .toBe('{"level":"error","message":"b"}\n');
});
