import { existsSync, mkdirSync, readdirSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ServedModels } from "../../../../processor/runtime/service/models/served-model.js";
import { DataRoots } from "../../../../processor/runtime/service/requests/data-roots.js";
import type { ServiceOptions } from "../../../../processor/runtime/service/service-context.js";
import {
  formOf,
  type TestService,
  temporaryFolder,
  testModel,
  testService,
} from "../../../support/service/test-service.js";

const headers = { host: "localhost" };

interface DataService extends TestService {
  readonly root: string;
}

/** A service whose data root has the study `study` with the series T2 and DWI. */
async function dataService(changes: Partial<ServiceOptions> = {}): Promise<DataService> {
  const root = realpathSync(temporaryFolder());
  for (const series of ["T2", "DWI"]) {
    mkdirSync(join(root, "study", series), { recursive: true });
    writeFileSync(join(root, "study", series, "scan.nii.gz"), "voxels");
  }
  const service = await testService({ dataRoots: await DataRoots.open([root]), ...changes });
  return { ...service, root };
}

const infer = (service: DataService, body: Readonly<Record<string, unknown>>) =>
  service.app.inject({
    method: "POST",
    url: "/infer",
    headers,
    payload: {
      nnunet_id: "organ",
      study_path: join(service.root, "study"),
      series_folders: ["T2/scan.nii.gz"],
      output_dir: join(service.root, "out"),
      ...body,
    },
  });

async function workOf(service: DataService, body: Readonly<Record<string, unknown>>) {
  const answer = infer(service, body);
  await expect.poll(() => service.engine.jobs.length).toBe(1);
  const { id, work } = service.engine.jobs[0]!;
  service.engine.finish(id);
  return { answer: await answer, work };
}

describe("POST /infer", () => {
  test("answers with nnunet_serve's keys when the job has ended", async () => {
    const service = await dataService();
    const answer = infer(service, { save_nifti_inputs: true });
    await expect.poll(() => service.engine.jobs.length).toBe(1);
    const { id, work } = service.engine.jobs[0]!;
    expect(work.outputDir).toBe(join(service.root, "out"));
    service.engine.report({ kind: "started", id });
    const file = (kind: string, name: string) => ({ kind, name: `stage_0/${name}`, stage: 0, bytes: 1 });
    const stage = {
      model: "organ",
      is_empty: true,
      labels: [],
      warnings: [],
      seconds: {},
      execution_provider: "CPU",
    };
    service.engine.report({
      kind: "done",
      id,
      result: {
        time_elapsed: 2,
        gpu: 1,
        stages: [stage],
        files: [file("label-map", "prediction.nii.gz"), file("input-volume", "input_volume_0.nii.gz")],
      },
    });
    const { statusCode, ...response } = await answer;
    expect(statusCode).toBe(200);
    expect(response.json()).toMatchObject({
      time_elapsed: 2,
      gpu: 1,
      nnunet_path: "/models/organ_model",
      metadata: null,
      status: "done",
      error: null,
      is_empty: [true],
      nifti_prediction: [join(service.root, "out/stage_0/prediction.nii.gz")],
      nifti_inputs: [join(service.root, "out/stage_0/input_volume_0.nii.gz")],
      request: { nnunet_id: "organ" },
    });
  });

  test("gives each stage of a cascade the mask of the one before, restricted to its classes", async () => {
    const { work } = await workOf(await dataService(), {
      nnunet_id: ["organs", "lesion"],
      series_folders: [["T2/scan.nii.gz"], ["T2/scan.nii.gz"]],
      class_idx: [[1, 2], null],
      cascade_mode: ["intersect", "crop"],
    });
    const mask = { kind: "stage", stage: 0, labels: [1, 2] };
    expect(work.stages).toMatchObject([
      { modelId: "organ", reference: null, crop: null, folder: "stage_0" },
      { modelId: "lesion", reference: mask, crop: mask, folder: "stage_1" },
    ]);
  });

  test("inserts a model whose result is a channel before the one that takes it", async () => {
    const { work } = await workOf(await dataService(), {
      nnunet_id: "lesion",
      series_folders: ["T2/scan.nii.gz", "from:organ=1"],
    });
    expect(work.stages).toMatchObject([
      { modelId: "organ", inputs: [{ kind: "path" }] },
      { modelId: "lesion", inputs: [{ kind: "path" }, { kind: "stage", stage: 0, label: 1 }] },
    ]);
  });

  test("takes a mask by its path, and ignores tmp_dir", async () => {
    const { work, answer } = await workOf(await dataService(), {
      intersect_with: "DWI/scan.nii.gz",
      crop_from: "DWI/scan.nii.gz",
      tmp_dir: "/etc",
    });
    expect(answer.statusCode).toBe(200);
    expect(work.stages[0]).toMatchObject({ reference: { kind: "path" }, crop: { kind: "path" } });
  });

  test.each([
    ["an unknown model", { nnunet_id: "organe" }, 400, "MODEL_UNKNOWN"],
    ["no series", { series_folders: null }, 400, "SERIES_INVALID"],
    [
      "series of another number of models",
      { nnunet_id: ["organ", "lesion"], series_folders: [["T2"], ["T2"], ["T2"]] },
      400,
      "SERIES_INVALID",
    ],
    ["a probability map without threshold", { save_proba_map: true }, 400, "SERIES_INVALID"],
    ["DICOM without metadata", { is_dicom: true }, 400, "SERIES_INVALID"],
    [
      "models that wait for each other",
      { nnunet_id: "organ", series_folders: ["from:organ"] },
      400,
      "SERIES_INVALID",
    ],
    ["an unknown model as a channel", { series_folders: ["from:nobody"] }, 400, "MODEL_UNKNOWN"],
    ["a study elsewhere", { study_path: "/etc" }, 400, "PATH_FORBIDDEN"],
    ["a series elsewhere", { series_folders: ["../../../etc/passwd"] }, 400, "PATH_FORBIDDEN"],
    ["a series that does not exist", { series_folders: ["T1"] }, 400, "PATH_FORBIDDEN"],
    ["results elsewhere", { output_dir: "/tmp/elsewhere/out" }, 400, "PATH_FORBIDDEN"],
    ["a mask elsewhere", { intersect_with: "/etc/passwd" }, 400, "PATH_FORBIDDEN"],
    ["a crop mask elsewhere", { crop_from: "/etc/passwd" }, 400, "PATH_FORBIDDEN"],
    ["a suffix that is a path", { suffix: "../x" }, 422, "REQUEST_INVALID"],
    ["an unknown field", { serie_folders: [] }, 422, "REQUEST_INVALID"],
  ])("refuses %s, and writes nothing", async (_, body, status, code) => {
    const service = await dataService();
    const answer = await infer(service, body);
    expect([answer.statusCode, answer.json().code]).toEqual([status, code]);
    expect(answer.json()).toMatchObject({
      status: "failed",
      time_elapsed: null,
      gpu: null,
      nnunet_path: null,
    });
    expect(existsSync(join(service.root, "out"))).toBe(false);
    expect(service.engine.jobs).toEqual([]);
  });

  test("reports all faults of a body at once, as FastAPI does", async () => {
    const service = await dataService();
    const answer = await infer(service, { tta: "yes", use_folds: {}, unknown: 1, study_path: undefined });
    expect(answer.statusCode).toBe(422);
    const places = answer.json().detail.map(({ loc }: { loc: string[] }) => loc.join("."));
    expect(places.sort()).toEqual(["body.study_path", "body.tta", "body.unknown", "body.use_folds"]);
  });

  test("does not follow a link out of the data root", async () => {
    const service = await dataService();
    symlinkSync("/etc", join(service.root, "study", "link"));
    symlinkSync("/tmp", join(service.root, "link-out"));
    const read = await infer(service, { series_folders: ["link/passwd"] });
    const write = await infer(service, { output_dir: join(service.root, "link-out", "new", "folder") });
    expect([read.json().code, write.json().code]).toEqual(["PATH_FORBIDDEN", "PATH_FORBIDDEN"]);
  });

  test("is off without a data root", async () => {
    const service = await dataService({ dataRoots: new DataRoots([]) });
    const answer = await infer(service, {});
    expect([answer.statusCode, answer.json().code]).toEqual([403, "PATH_MODE_OFF"]);
  });

  test("says why a model cannot be used", async () => {
    const models = new ServedModels([
      testModel("organ", { path: null, error: "no folder has organ in its path" }),
    ]);
    const answer = await infer(await dataService({ models }), {});
    expect([answer.statusCode, answer.json().code]).toEqual([503, "MODEL_UNAVAILABLE"]);
    expect(answer.json().error).toContain("no folder has organ in its path");
  });

  test.each([
    ["IMAGE_INVALID", 400],
    ["DEVICE_BUSY", 503],
    ["INFERENCE_FAILED", 500],
    ["OUT_OF_MEMORY", 503],
    ["BUG", 500],
  ])("a job that fails with %s is answered %d", async (code, status) => {
    const service = await dataService();
    const answer = infer(service, {});
    await expect.poll(() => service.engine.jobs.length).toBe(1);
    const { id } = service.engine.jobs[0]!;
    service.engine.report({ kind: "failed", id, error: { code, message: "reason", help: "" } });
    expect([(await answer).statusCode, (await answer).json().code]).toEqual([status, code]);
  });

  test("is limited for each address, with the time to wait", async () => {
    const limits = {
      maxVoxels: 1e9,
      maxUploadBytes: 1 << 20,
      maxWaitingJobs: 9,
      maxWaitingJobsOfClient: 9,
      maxDownloads: 9,
    };
    const service = await dataService({ limits: { ...limits, requestsPerMinute: 2 } });
    const answers = [];
    for (let i = 0; i < 3; i++) answers.push(await infer(service, { nnunet_id: "nobody" }));
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([400, 400, 429]);
    expect(answers[2]!.json().code).toBe("RATE_LIMITED");
    expect(answers[2]!.headers["retry-after"]).toBeDefined();
  });
});

describe("POST /infer_file", () => {
  const send = async (service: TestService, request: unknown, files: Readonly<Record<string, string>>) => {
    const form = await formOf(request, files);
    return service.app.inject({
      method: "POST",
      url: "/infer_file",
      payload: form.payload,
      headers: { ...headers, ...form.headers },
    });
  };

  test("segments an upload and names the job", async () => {
    const service = await testService();
    const answer = send(service, { nnunet_id: "organ", study_path: "/ignored" }, { "scan.nii.gz": "voxels" });
    await expect.poll(() => service.engine.jobs.length).toBe(1);
    const { id } = service.engine.jobs[0]!;
    service.engine.finish(id);
    expect((await answer).json()).toMatchObject({ status: "done", job_id: id });
  });

  test("unpacks an archive in the engine, and leaves nothing behind after a refusal", async () => {
    const service = await testService();
    const refused = await send(service, { nnunet_id: "nobody" }, { "study.zip": "bytes" });
    expect(refused.statusCode).toBe(400);
    expect(readdirSync(join(service.folder, "jobs"))).toEqual([]);
    expect(
      existsSync(join(service.folder, "incoming")) ? readdirSync(join(service.folder, "incoming")) : [],
    ).toEqual([]);
    const answer = send(service, { nnunet_id: "organ" }, { "study.zip": "bytes" });
    await expect.poll(() => service.engine.jobs.length).toBe(1);
    const { id, work } = service.engine.jobs[0]!;
    expect(work.archives).toEqual([join(service.folder, "jobs", id, "input", "study.zip")]);
    service.engine.finish(id);
    await answer;
  });

  test.each([
    ["a body that does not fit", { nnunet: "organ" }, { "a.nii.gz": "v" }, 422],
    ["a body that is not JSON", "{", { "a.nii.gz": "v" }, 422],
    ["a name that leaves the folder", { nnunet_id: "organ" }, { "../../a.nii.gz": "v" }, 400],
    ["a file that is too large", { nnunet_id: "organ" }, { "a.nii.gz": "v".repeat(2 << 20) }, 413],
    ["no file", { nnunet_id: "organ" }, {}, 400],
  ])("refuses %s", async (_, request, files, status) => {
    const service = await testService();
    expect((await send(service, request, files as Record<string, string>)).statusCode).toBe(status);
    expect(service.engine.jobs).toEqual([]);
  });
});

describe("the other routes of nnunet_serve", () => {
  test("describe the models, and the request", async () => {
    const service = await testService();
    const read = async (url: string) => (await service.app.inject({ url, headers })).json();
    expect((await read("/model_info")).organ).toMatchObject({
      id: "organ",
      n_classes: 2,
      is_totalseg: false,
      min_mem: 100,
    });
    const clean = [
      { "Label ID": 0, Name: "background", Index: 0 },
      { "Label ID": 1, Name: "organ", Index: 1 },
    ];
    expect((await read("/model_info_clean")).organ.metadata).toEqual(clean);
    expect((await read("/model_info?format=clean")).organ.metadata).toEqual(clean);
    expect(await read("/request-params")).toMatchObject({
      $schema: "https://json-schema.org/draft/2020-12/schema",
      additionalProperties: false,
      required: ["nnunet_id", "study_path", "output_dir"],
    });
    expect(await read("/healthz")).toEqual({ status: "ok" });
    expect(await read("/readyz")).toMatchObject({
      status: "ok",
      models: { organ: "ready" },
      gpu_available: false,
    });
  });

  test("free networks by POST, and by GET only as nnunet_serve did", async () => {
    const service = await testService();
    const expire = (method: "GET" | "POST", app = service.app) =>
      app.inject({ method, url: "/expire", headers });
    expect((await expire("POST")).json()).toEqual({ status: "ok", message: "Expired 0 items" });
    expect((await expire("GET")).statusCode).toBe(405);
    const older = await testService({ expiresByGet: true });
    expect((await expire("GET", older.app)).statusCode).toBe(200);
  });

  test("download nothing of a job that nobody knows", async () => {
    const service = await testService();
    expect((await service.app.inject({ url: "/download/none", headers })).statusCode).toBe(404);
  });
});
