import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { writeImage } from "../../../../processor/imaging/formats/write-image.js";
import { archivedVoxels } from "../../../../processor/runtime/service/requests/archive-size.js";
import { DataRoots } from "../../../../processor/runtime/service/requests/data-roots.js";
import { openLog } from "../../../../processor/runtime/service/start/open-log.js";
import { serveSettings } from "../../../../processor/runtime/service/start/serve-settings.js";
import { tarHeader } from "../../../../src/oci/tar-header.js";
import { buildZip } from "../../../support/archive/zip-builder.js";
import { goldenPath } from "../../../support/golden.js";
import { testImage } from "../../../support/images/test-image.js";
import { blobsService } from "../../../support/service/blobs-service.js";
import { formOf, temporaryFolder, testService } from "../../../support/service/test-service.js";

const host = "localhost";

const roomy = {
  maxUploadBytes: 1 << 24,
  maxVoxels: 1e9,
  maxWaitingJobs: 10,
  maxWaitingJobsOfClient: 10,
  maxDownloads: 1,
  requestsPerMinute: null,
};

async function smallService(data: string) {
  const limits = { ...roomy, maxVoxels: 100 };
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

const series = goldenPath("dicom", "sources", "ct_axial");

test("a DICOM series with too many voxels is refused before its job waits, as files, a study or a series", async () => {
  const data = temporaryFolder();
  cpSync(series, join(data, "study", "ct"), { recursive: true });
  const service = await smallService(data);
  const files = Object.fromEntries(
    readdirSync(series).map((name) => [name, readFileSync(join(series, name))]),
  );
  const form = await formOf({ model: "organ" }, files);
  const study = join(data, "study");
  const output = { output_dir: join(data, "out") };
  for (const { headers, ...one } of [
    { url: "/v1/jobs", ...form },
    { url: "/v1/jobs", payload: { model: "organ", study_path: study }, headers: {} },
    { url: "/v1/jobs", payload: { model: "organ", study_path: study, series_folders: ["ct"] }, headers: {} },
    {
      url: "/infer",
      payload: { nnunet_id: "organ", study_path: study, series_folders: ["ct"], ...output },
      headers: {},
    },
  ]) {
    const answer = await service.app.inject({ method: "POST", ...one, headers: { host, ...headers } });
    expect([answer.statusCode, answer.json().code], answer.body).toEqual([413, "SCAN_TOO_LARGE"]);
  }
  expect(service.engine.jobs).toEqual([]);
});

/** Returns an archive with the slices of the series. */
function archiveOf(name: string): Buffer {
  if (name.endsWith(".zip"))
    return buildZip(
      readdirSync(series).map((slice) => ({
        name: slice,
        data: readFileSync(join(series, slice)),
        deflate: true,
      })),
    );
  const path = join(temporaryFolder(), name);
  const flags = name.endsWith("gz") ? "-czf" : "-cf";
  execFileSync("tar", [flags, path, "-C", dirname(series), basename(series)]);
  return readFileSync(path);
}

test.each(["series.zip", "series.tar", "series.tar.gz"])(
  "a series with too many voxels in an archive is refused before its job waits: %s",
  async (name) => {
    const archive = archiveOf(name);
    const service = await smallService(temporaryFolder());
    for (const [url, request] of [
      ["/v1/jobs", { model: "organ" }],
      ["/infer_file", { nnunet_id: "organ" }],
    ] as const) {
      const { payload, headers } = await formOf(request, { [name]: archive });
      const answer = await service.app.inject({
        method: "POST",
        url,
        payload,
        headers: { host, ...headers },
      });
      expect([answer.statusCode, answer.json().code], answer.body).toEqual([413, "SCAN_TOO_LARGE"]);
      expect(answer.json().error).toMatch(/has a scan with at least \d+ voxels; this server takes 100$/);
    }
    expect(service.engine.jobs).toEqual([]);
    expect(readdirSync(join(service.folder, "jobs"))).toEqual([]);
    expect(readdirSync(join(service.folder, "incoming"))).toEqual([]);
  },
);

test.each(["scan.nii.gz", "scan.nii", "scan.mha", "scan.nrrd"])(
  "a scan with too many voxels in an archive is refused before its job waits, and a small one is taken: %s",
  async (name) => {
    const folder = temporaryFolder();
    for (const [place, depth] of [
      ["large", 2],
      ["small", 1],
    ] as const) {
      mkdirSync(join(folder, place));
      await writeImage(testImage([depth, 10, 10]), join(folder, place, name));
      execFileSync("tar", ["-czf", join(folder, `${place}.tgz`), "-C", join(folder, place), name]);
      const data = readFileSync(join(folder, place, name));
      // macOS puts a file before each one, whose name ends as that of an image.
      const hidden = { name: `._${name}`, data: Buffer.from("of macOS"), deflate: true };
      writeFileSync(join(folder, `${place}.zip`), buildZip([hidden, { name, data, deflate: true }]));
    }
    const service = await smallService(folder);
    for (const ending of ["zip", "tgz"])
      for (const [place, status] of [
        ["large", 413],
        ["small", 202],
      ] as const) {
        const archive = readFileSync(join(folder, `${place}.${ending}`));
        const { payload, headers } = await formOf({ model: "organ" }, { [`study.${ending}`]: archive });
        const url = "/v1/jobs";
        const answer = await service.app.inject({
          method: "POST",
          url,
          payload,
          headers: { host, ...headers },
        });
        expect(answer.statusCode, `${place}.${ending}: ${answer.body}`).toBe(status);
      }
  },
);

test("an archive in parts with too many voxels is refused, and stays for another server or its end", async () => {
  const archive = archiveOf("series.zip");
  const service = await smallService(temporaryFolder());
  const upload = { payload: { name: "series.zip", bytes: archive.length } };
  const { id } = (
    await service.app.inject({ method: "POST", url: "/v1/uploads", headers: { host }, ...upload })
  ).json();
  const headers = {
    host,
    "content-type": "application/octet-stream",
    "content-range": `bytes 0-${archive.length - 1}/${archive.length}`,
  };
  await service.app.inject({ method: "PATCH", url: `/v1/uploads/${id}`, payload: archive, headers });
  const payload = { model: "organ", uploads: [id] };
  const refused = await service.app.inject({ method: "POST", url: "/v1/jobs", headers: { host }, payload });
  expect([refused.statusCode, refused.json().code]).toEqual([413, "SCAN_TOO_LARGE"]);
  const kept = await service.app.inject({ url: `/v1/uploads/${id}`, headers: { host } });
  expect(kept.json().complete).toBe(true);
});

test("a tar that would unpack to terabytes is not unpacked to look at it", async () => {
  const folder = temporaryFolder();
  const header = tarHeader({ path: "a", kind: "file", mode: 0o644, sizeBytes: 2 ** 40, time: new Date(0) });
  writeFileSync(join(folder, "a.tar.gz"), gzipSync(Buffer.concat([header, Buffer.alloc(80 << 20)])));
  expect(await archivedVoxels(join(folder, "a.tar.gz"), "a.tar.gz", 100)).toBe(0);
});

test.each(["series.zip", "series.tar"])(
  "a damaged archive is left to its job, which says what is wrong: %s",
  async (name) => {
    const whole = archiveOf(name);
    const service = await smallService(temporaryFolder());
    for (const archive of [whole.subarray(0, 100), Buffer.alloc(0), Buffer.from("no archive")]) {
      const { payload, headers } = await formOf({ model: "organ" }, { [name]: archive });
      const url = "/v1/jobs";
      const answer = await service.app.inject({
        method: "POST",
        url,
        payload,
        headers: { host, ...headers },
      });
      expect(answer.statusCode, answer.body).toBe(202);
    }
  },
);

/** Returns an archive with an image whose header is longer than what is looked at before a job waits. */
function archiveWithLongHeader(): Buffer {
  const comments = `# ${"-".repeat(100)}\n`.repeat(10_000);
  const header = `NRRD0004\n${comments}type: uint8\ndimension: 3\nsizes: 10 10 100\nencoding: raw\n\n`;
  const data = Buffer.concat([Buffer.from(header), Buffer.alloc(10_000)]);
  return buildZip([{ name: "scan.nrrd", data, deflate: true }]);
}

test("a scan whose header is too long to be seen before its job waits is refused before it is read", async () => {
  const name = "study.zip";
  const archive = archiveWithLongHeader();
  const limits = { ...roomy, maxVoxels: 5000 };
  const service = await blobsService({ limits });
  const ask = async (url: string, request: object) => {
    const form = await formOf(request, { [name]: archive });
    const headers = { host, prefer: "wait=120", ...form.headers };
    return service.app.inject({ method: "POST", url, payload: form.payload, headers });
  };
  const job = await ask("/v1/jobs", { model: "blobs" });
  expect(job.json()).toMatchObject({ state: "failed", error: { code: "SCAN_TOO_LARGE" } });
  const answer = await ask("/infer_file", { nnunet_id: "blobs" });
  expect([answer.statusCode, answer.json().code]).toEqual([413, "SCAN_TOO_LARGE"]);
  expect(answer.json().error).toContain("this server takes 5000");
});

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
