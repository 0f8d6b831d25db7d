import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { Orthanc as OrthancClient } from "../../../../processor/runtime/service/compat/orthanc.js";
import { goldenPath } from "../../../support/golden.js";
import { needs, testWith } from "../../../support/needs.js";
import { neverStopped } from "../../../support/never-stopped.js";
import { type Orthanc, startOrthanc } from "../../../support/programs/orthanc.js";
import { blobsService } from "../../../support/service/blobs-service.js";
import { testService } from "../../../support/service/test-service.js";

const host = "localhost";
const input = goldenPath("dicom", "read", "ct_signed16", "input");

async function startFilledOrthanc(): Promise<Orthanc> {
  const orthanc = await startOrthanc({ dicomWeb: "http://127.0.0.1:9/", dicomPort: 9 });
  onTestFinished(() => orthanc.stop());
  for (const name of readdirSync(input)) {
    const body = readFileSync(join(input, name));
    const answer = await fetch(`${orthanc.url}/instances`, { method: "POST", body });
    expect(answer.status).toBe(200);
  }
  return orthanc;
}

const listOf = async (orthanc: Orthanc, what: string): Promise<readonly string[]> =>
  (await (await fetch(`${orthanc.url}/${what}`)).json()) as readonly string[];

testWith(
  [needs.orthanc],
  "POST /infer_orthanc segments a series of Orthanc and stores the result in it",
  async () => {
    const orthanc = await startFilledOrthanc();
    const service = await blobsService({
      orthanc: { url: orthanc.url, credentials: null },
      needsMetadata: false,
    });
    const [series] = await listOf(orthanc, "series");
    const ask = (seriesId: string) =>
      service.app.inject({
        method: "POST",
        url: "/infer_orthanc",
        headers: { host },
        // Every voxel with a probability is a candidate, so that the result is not empty.
        payload: {
          nnunet_id: "blobs",
          series_ids: [seriesId],
          class_idx: 1,
          proba_threshold: 0,
          min_confidence: 0,
          save_rt_struct_output: true,
        },
      });
    const answer = await ask(series!);
    expect(answer.statusCode, answer.body).toBe(200);
    const body = answer.json();
    expect(body).toMatchObject({
      status: "done",
      is_empty: [false],
      orthanc_upload: {
        uploaded_instance_count: 2,
        responses: [{ Status: "Success" }, { Status: "Success" }],
      },
    });
    const modalities: string[] = [];
    for (const one of await listOf(orthanc, "series")) {
      const { MainDicomTags } = (await (await fetch(`${orthanc.url}/series/${one}`)).json()) as {
        readonly MainDicomTags: { readonly Modality: string };
      };
      modalities.push(MainDicomTags.Modality);
    }
    expect(modalities.sort()).toEqual(["CT", "RTSTRUCT", "SEG"]);
    expect(await listOf(orthanc, "studies")).toHaveLength(1);
    const zip = await service.app.inject({ url: `/download/${body.job_id}`, headers: { host } });
    expect([zip.statusCode, zip.headers["content-type"]]).toEqual([200, "application/zip"]);
    const unknown = await ask("00000000-00000000-00000000-00000000-00000000");
    expect([unknown.statusCode, unknown.json().code]).toEqual([502, "ORTHANC_FAILED"]);
  },
);

testWith(
  [needs.orthanc],
  "a client cannot name another Orthanc, and one that is away is answered 502",
  async () => {
    const service = await testService({
      orthanc: { url: "http://127.0.0.1:9/", credentials: "user:secret" },
    });
    const ask = (more: object) =>
      service.app.inject({
        method: "POST",
        url: "/infer_orthanc",
        headers: { host },
        payload: { nnunet_id: "organ", series_ids: ["a"], is_dicom: false, ...more },
      });
    expect((await ask({ orthanc_url: "http://127.0.0.1:1/" })).statusCode).toBe(422);
    const away = await ask({});
    expect(away.statusCode).toBe(502);
    expect(away.body).not.toContain("secret");
  },
);

test("an answer of Orthanc that is not JSON is named as such", async () => {
  const server = createServer((request, response) => {
    request.resume().once("end", () => response.end("<html>a proxy's page</html>"));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const client = new OrthancClient({ url, credentials: null }, 1e6);
  const upload = client.upload(join(input, readdirSync(input)[0]!), neverStopped());
  await expect(upload).rejects.toMatchObject({ code: "ORTHANC_FAILED" });
});
