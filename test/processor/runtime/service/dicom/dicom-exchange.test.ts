import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  type DicomExchangeOptions,
  dicomExchange,
} from "../../../../../processor/runtime/service/dicom/dicom-exchange.js";
import {
  type DicomReceiver,
  openReceiver,
} from "../../../../../processor/runtime/service/dicom/dimse/receiver.js";
import { sendObjects } from "../../../../../processor/runtime/service/dicom/dimse/sender.js";
import type { DicomJson } from "../../../../../processor/runtime/service/dicom/json/dicom-json.js";
import { readRoutingRules } from "../../../../../processor/runtime/service/dicom/routing/routing-rules.js";
import { readInstance } from "../../../../../processor/runtime/service/dicom/store/read-instance.js";
import type { EngineJob } from "../../../../../processor/runtime/service/engine/job-engine.js";
import {
  caseFolder,
  segmentationCase,
  writeGoldenSegmentation,
} from "../../../../support/dicom/golden-objects.js";
import { openTestStore, roomyStore, type TestStore } from "../../../../support/dicom/test-store.js";
import { type TestService, temporaryFolder, testService } from "../../../../support/service/test-service.js";

const found = segmentationCase("two_segments");
const source = join(caseFolder("seg", found.case), found.source);
const names = readdirSync(source).sort();

let peer: { readonly store: TestStore; readonly receiver: DicomReceiver };

beforeEach(async () => {
  const store = await openTestStore();
  const receiver = await openReceiver({
    aeTitle: "PACS",
    acceptedAes: ["NNUNET"],
    host: "127.0.0.1",
    port: 0,
    store: store.store,
    maxInstanceBytes: 1 << 24,
    idleMs: 10_000,
    onTrouble: () => {},
  });
  peer = { store, receiver };
});
afterEach(async () => {
  await peer.receiver.close();
  peer.store.remove();
});

/** Waits as long as a busy machine may need. */
const eventually = (check: () => void | Promise<void>): Promise<void> =>
  vi.waitFor(check, { timeout: 20_000, interval: 20 });

interface Exchange extends TestService {
  readonly port: number;
}

async function exchange(
  rules: unknown,
  { folder, ...changes }: Partial<DicomExchangeOptions> & { readonly folder?: string } = {},
): Promise<Exchange> {
  const notes: string[] = [];
  const plugin = dicomExchange({
    rules: readRoutingRules(rules),
    receiver: { aeTitle: "NNUNET", acceptedAes: null, host: "127.0.0.1", port: 0 },
    peers: new Map([["pacs", { host: "127.0.0.1", port: peer.receiver.port, aeTitle: "PACS" }]]),
    callingAe: "NNUNET",
    seriesQuietMs: 1500,
    limits: roomyStore,
    keptMs: 1e9,
    note: (line) => void notes.push(line),
    ...changes,
  });
  const service = await testService({ plugins: [plugin], folder: folder ?? temporaryFolder() });
  return { ...service, port: Number(/\d+$/.exec(notes[0]!)![0]) };
}

async function send(port: number, files: readonly string[]): Promise<void> {
  const objects = await Promise.all(
    files.map(async (name) => {
      const path = join(source, name);
      const { uids, sopClassUid, transferSyntaxUid } = await readInstance(path);
      return { path, sopClassUid, transferSyntaxUid, sopInstanceUid: uids.instance };
    }),
  );
  const statuses = await sendObjects(objects, {
    peer: { host: "127.0.0.1", port, aeTitle: "NNUNET" },
    callingAe: "SCANNER",
    timeoutMs: 10_000,
    signal: AbortSignal.timeout(30_000),
  });
  expect(statuses).toEqual(files.map(() => 0));
}

/** Ends a job as the real engine does, with a segmentation of the series. */
async function finish({ engine }: TestService, { id, work }: EngineJob, uids: "derived" | "random") {
  const path = join(work.outputDir, "stage_0", "prediction.dcm");
  mkdirSync(dirname(path), { recursive: true });
  await writeGoldenSegmentation(found, path, { uids });
  engine.report({ kind: "started", id });
  const file = { name: "stage_0/prediction.dcm", kind: "dicom-segmentation", stage: 0 };
  const result = { time_elapsed: 1, gpu: null, stages: [], files: [{ ...file, bytes: statSync(path).size }] };
  engine.report({ kind: "done", id, result });
  return (await readInstance(path)).uids.instance;
}

const uidOf = async ({ work }: EngineJob): Promise<string> =>
  (await readInstance(join(work.outputDir, "stage_0", "prediction.dcm"))).uids.instance;

const segmentations = async ({ app }: TestService): Promise<readonly unknown[]> => {
  const { body } = await app.inject("/dicomweb/instances?SOPClassUID=1.2.840.10008.5.1.4.1.1.66.4");
  return (JSON.parse(body) as DicomJson[]).map((one) => one["00080018"]?.Value?.[0]);
};

const rule = { modality: "MR", "slices>=": 2, model: "organ", output: ["seg"], send_to: "pacs" };

describe("a series that arrives is segmented by a rule", () => {
  test("when no image has come for a while; its result is in the study, and is sent", async () => {
    const service = await exchange([{ ...rule, modality: "CT" }, rule]);
    await send(service.port, names);
    await eventually(() => expect(service.engine.jobs.length).toBe(1));
    const [job] = service.engine.jobs;
    expect(job!.work).toMatchObject({ isDicom: true, stages: [{ modelId: "organ" }] });
    const uid = await finish(service, job!, "derived");
    await eventually(async () => expect(await segmentations(service)).toEqual([uid]));
    await eventually(() => expect([...peer.store.store.studies()].length).toBe(1));
    // The result is not an image, so it starts nothing.
    expect(service.engine.jobs.length).toBe(1);
  });

  test("images that come later start a new run, whose result replaces the first one", async () => {
    const service = await exchange([{ ...rule, "slices>=": 1 }]);
    await send(service.port, names.slice(0, -1));
    await eventually(() => expect(service.engine.jobs.length).toBe(1));
    const first = await finish(service, service.engine.jobs[0]!, "random");
    await eventually(async () => expect(await segmentations(service)).toEqual([first]));
    await send(service.port, names.slice(-1));
    await eventually(() => expect(service.engine.jobs.length).toBe(2));
    const second = await finish(service, service.engine.jobs[1]!, "random");
    await eventually(async () => expect(await segmentations(service)).toEqual([second]));
  });

  test("a run that has not ended is canceled when images come later", async () => {
    const service = await exchange([{ ...rule, "slices>=": 1 }]);
    await send(service.port, names.slice(0, -1));
    await eventually(() => expect(service.engine.jobs.length).toBe(1));
    await send(service.port, names.slice(-1));
    await eventually(() => expect(service.engine.jobs.length).toBe(2));
    expect(service.engine.canceled).toEqual([service.engine.jobs[0]!.id]);
  });

  test("a series without a rule is stored, and not run", async () => {
    const service = await exchange([{ ...rule, "slices>=": 1000 }], { seriesQuietMs: 0 });
    await send(service.port, names);
    const { body } = await service.app.inject("/dicomweb/series");
    expect((JSON.parse(body) as unknown[]).length).toBe(1);
    expect(service.engine.jobs).toEqual([]);
  });

  test("images that arrived just before a server ended start a new run of the next one", async () => {
    const folder = temporaryFolder();
    const first = await exchange([{ ...rule, "slices>=": 1 }], { folder, seriesQuietMs: 300 });
    await send(first.port, names.slice(0, -1));
    await eventually(() => expect(first.engine.jobs.length).toBe(1));
    await finish(first, first.engine.jobs[0]!, "random");
    await eventually(async () => expect(await segmentations(first)).toHaveLength(1));
    await first.close(0);
    const second = await exchange([{ ...rule, "slices>=": 1 }], { folder, seriesQuietMs: 60_000 });
    await send(second.port, names.slice(-1));
    await second.close(0);
    const third = await exchange([{ ...rule, "slices>=": 1 }], { folder });
    await eventually(() => expect(third.engine.jobs.length).toBe(1));
    await third.close(0);
    const fourth = await exchange([{ ...rule, "slices>=": 1 }], { folder, seriesQuietMs: 0 });
    // The job of the server before waits; the series gets no further one.
    await eventually(() => expect(fourth.engine.jobs.length).toBe(1));
    expect(fourth.context.jobs.list({ state: null, limit: 9, after: null }).jobs).toHaveLength(2);
  });

  test("results that a dead server had not put into the study are put there, and sent, by the next one", async () => {
    const folder = temporaryFolder();
    const first = await exchange([rule], { folder, seriesQuietMs: 300 });
    await send(first.port, names);
    await eventually(() => expect(first.engine.jobs.length).toBe(1));
    const [job] = first.engine.jobs;
    await finish(first, job!, "derived");
    await eventually(async () => expect(await segmentations(first)).toHaveLength(1));
    await eventually(() => expect(first.context.jobs.duties.open()).toEqual([]));
    await first.close(0);
    // As a server leaves it that dies right after the end of the job.
    const file = join(folder, "jobs", job!.id, "job.json");
    const stored = JSON.parse(readFileSync(file, "utf8"));
    writeFileSync(file, JSON.stringify({ ...stored, duties: [{ id: "one", kind: "dicom-results" }] }));
    const studies = join(folder, "dicom", "studies");
    for (const name of readdirSync(studies, { recursive: true, encoding: "utf8" }))
      if (name.endsWith(`${await uidOf(job!)}.dcm`)) rmSync(join(studies, name));
    const second = await exchange([rule], { folder });
    await eventually(async () => expect(await segmentations(second)).toHaveLength(1));
    await eventually(() => expect(second.context.jobs.duties.open()).toEqual([]));
  });

  test("at once when a request stores a whole study, and after a while when it stores one object", async () => {
    const service = await exchange([rule], { seriesQuietMs: 600_000 });
    const { uids } = await readInstance(join(source, names[0]!));
    const url = `/dicomweb/studies/${uids.study}`;
    const store = async (files: readonly string[], at: string) => {
      const boundary = "part-of-a-test";
      const parts = files.flatMap((name) => [
        Buffer.from(`--${boundary}\r\nContent-Type: application/dicom\r\n\r\n`),
        readFileSync(join(source, name)),
        Buffer.from("\r\n"),
      ]);
      const answer = await service.app.inject({
        method: "POST",
        url: at,
        headers: {
          host: "localhost",
          "content-type": `multipart/related; type="application/dicom"; boundary=${boundary}`,
        },
        payload: Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)]),
      });
      expect(answer.statusCode, answer.body).toBe(200);
    };
    await store(names.slice(0, 1), url);
    await store(names.slice(0, 2), "/dicomweb/studies");
    expect(service.engine.jobs).toEqual([]);
    await store(names, url);
    await eventually(() => expect(service.engine.jobs.length).toBe(1));
  });

  test("a series that arrived just before a server ended is segmented by the next one", async () => {
    const folder = temporaryFolder();
    const first = await exchange([rule], { folder, seriesQuietMs: 60_000 });
    await send(first.port, names);
    await first.close(0);
    const second = await exchange([rule], { folder });
    await eventually(() => expect(second.engine.jobs.length).toBe(1));
  });
});

describe("rules are checked when the server starts", () => {
  test.each([
    { rules: [{ model: "other" }], says: "there is no model other" },
    { rules: [{ model: "organ", send_to: "elsewhere" }], says: "elsewhere is neither a peer" },
    { rules: [{ model: "organ", modalty: "CT" }], says: "did you mean modality?" },
    { rules: [{ modality: "CT" }], says: "model is missing" },
    { rules: [{ model: "organ", output: ["nifti"] }], says: "must be seg, rtstruct" },
    { rules: [{ model: "organ", "slices>=": "many" }], says: "a whole number above 0" },
    { rules: { model: "organ" }, says: "must be a list of rules" },
  ])("$says", async ({ rules, says }) => {
    await expect(exchange(rules)).rejects.toThrow(says);
  });
});
