import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import Fastify, { type FastifyInstance } from "fastify";
import { afterAll, beforeAll, describe, expect, vi } from "vitest";
import {
  type DicomReceiver,
  openReceiver,
} from "../../../../../processor/runtime/service/dicom/dimse/receiver.js";
import type { DicomJson } from "../../../../../processor/runtime/service/dicom/json/dicom-json.js";
import { ResultSender } from "../../../../../processor/runtime/service/dicom/routing/send-results.js";
import { readInstance } from "../../../../../processor/runtime/service/dicom/store/read-instance.js";
import { addDicomWeb } from "../../../../../processor/runtime/service/dicom/web/dicomweb.js";
import {
  caseFolder,
  segmentationCase,
  writeGoldenSegmentation,
} from "../../../../support/dicom/golden-objects.js";
import { openTestStore, type TestStore } from "../../../../support/dicom/test-store.js";
import { needs, testWith } from "../../../../support/needs.js";
import { type Orthanc, startOrthanc } from "../../../../support/programs/orthanc.js";

const run = promisify(execFile);
const found = segmentationCase("two_segments");
const source = join(caseFolder("seg", found.case), found.source);
const images = readdirSync(source).map((name) => join(source, name));
const { study, series } = (await readInstance(images[0]!)).uids;
const both = [needs.orthanc, needs.dcmtk];

let folder = "";
let segmentation = "";
let opened: TestStore;
let app: FastifyInstance;
let receiver: DicomReceiver;
let orthanc: Orthanc;

beforeAll(async () => {
  if (!needs.orthanc.isMet) return;
  folder = mkdtempSync(join(tmpdir(), "pacs-"));
  segmentation = join(folder, "prediction.dcm");
  await writeGoldenSegmentation(found, segmentation);
  opened = await openTestStore();
  app = Fastify({ forceCloseConnections: true });
  await addDicomWeb(app, { store: opened.store, maxUploadBytes: 1 << 28, onWholeStudy: () => {} });
  const dicomWeb = `${await app.listen({ host: "127.0.0.1", port: 0 })}/dicomweb/`;
  receiver = await openReceiver({
    aeTitle: "NNUNET",
    acceptedAes: ["ORTHANC"],
    host: "127.0.0.1",
    port: 0,
    store: opened.store,
    maxInstanceBytes: 1 << 28,
    idleMs: 30_000,
    onTrouble: () => {},
  });
  orthanc = await startOrthanc({ dicomWeb, dicomPort: receiver.port });
});

afterAll(async () => {
  if (!needs.orthanc.isMet) return;
  await orthanc.stop();
  await receiver.close();
  await app.close();
  opened.remove();
  rmSync(folder, { recursive: true });
});

const ask = async (path: string, body: unknown = null): Promise<unknown> => {
  const answer = await fetch(
    `${orthanc.url}${path}`,
    body === null ? {} : { method: "POST", body: JSON.stringify(body) },
  );
  expect(answer.status, await answer.clone().text()).toBe(200);
  return answer.json();
};
const modalities = async (): Promise<readonly unknown[]> =>
  ((await ask(`/dicom-web/studies/${study}/series`)) as DicomJson[])
    .map((one) => one["00080060"]?.Value?.[0])
    .sort();
const store = (...files: readonly string[]) =>
  run("storescu", ["-R", "-aec", "ORTHANC", "127.0.0.1", String(orthanc.dicomPort), ...files]);
const firstStudy = async (): Promise<string> => ((await ask("/studies")) as string[])[0]!;

describe("Orthanc, a real PACS", () => {
  testWith(both, "takes a segmentation by C-STORE, and shows it in the study of its images", async () => {
    await store(...images, segmentation);
    expect(await modalities()).toEqual(["MR", "SEG"]);
    const { stdout, stderr } = await run("findscu", [
      ...["-S", "-k", "QueryRetrieveLevel=SERIES", "-k", `StudyInstanceUID=${study}`, "-k", "Modality"],
      ...["-aec", "ORTHANC", "127.0.0.1", String(orthanc.dicomPort)],
    ]);
    expect(stdout + stderr).toMatch(/CS \[SEG ?\]/);
  });

  testWith(both, "takes results by STOW-RS", async () => {
    const facts = await readInstance(segmentation);
    const path = join(folder, "again.dcm");
    await writeGoldenSegmentation(found, path, { uids: "random" });
    const again = { ...(await readInstance(path)), path, bytes: 0 };
    const troubles: unknown[] = [];
    const sender = new ResultSender({
      peers: new Map(),
      callingAe: "NNUNET",
      retriesMs: [],
      onTrouble: (error) => void troubles.push(error),
    });
    sender.send(`${orthanc.url}/dicom-web`, [again]);
    await vi.waitFor(async () => expect((await modalities()).filter((one) => one === "SEG").length).toBe(2), {
      timeout: 20_000,
    });
    expect(troubles).toEqual([]);
    expect(again.uids.instance).not.toBe(facts.uids.instance);
  });

  testWith(both, "sends a study by C-STORE and by STOW-RS, and finds and fetches it again", async () => {
    await store(...images, segmentation);
    const id = await firstStudy();
    await ask("/modalities/nnunet/store", id as never);
    expect(opened.store.series(study, series)?.instances.size).toBe(images.length);
    await ask("/dicom-web/servers/nnunet/stow", { Resources: [id] });
    const { instances } = opened.store.series(study, series)!;
    expect(instances.size).toBe(images.length);
    const answer = (await ask("/dicom-web/servers/nnunet/qido", {
      Uri: `/studies/${study}/series`,
    })) as Record<string, { readonly Value: string }>[];
    expect(answer.length).toBeGreaterThan(1);
    // Orthanc forgets the study, and gets it back from here.
    await fetch(`${orthanc.url}/studies/${id}`, { method: "DELETE" });
    expect(await ask("/studies")).toEqual([]);
    await ask("/dicom-web/servers/nnunet/retrieve", { Resources: [{ Study: study }] });
    expect(await modalities()).toContain("MR");
  });
});
