import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import Fastify, { type FastifyInstance } from "fastify";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ProcessorError } from "../../../../../processor/contract/errors.js";
import type { DicomJson } from "../../../../../processor/runtime/service/dicom/json/dicom-json.js";
import { readInstance } from "../../../../../processor/runtime/service/dicom/store/read-instance.js";
import { addDicomWeb } from "../../../../../processor/runtime/service/dicom/web/dicomweb.js";
import { fillStore, openTestStore, type TestStore } from "../../../../support/dicom/test-store.js";
import { goldenPath } from "../../../../support/golden.js";
import { type DicomElements, dicomFile, sliceElements } from "../../../../support/images/dicom-builder.js";

const ct = goldenPath("dicom", "sources", "ct_axial");
const names = readdirSync(ct).sort();
const bytesOf = (name: string): Buffer => readFileSync(join(ct, name));
const facts = await readInstance(join(ct, names[0]!));
const { study, series, instance } = facts.uids;

let opened: TestStore;
let app: FastifyInstance;

beforeEach(async () => {
  opened = await openTestStore();
  app = Fastify();
  app.setErrorHandler((error, _request, reply) =>
    error instanceof ProcessorError
      ? reply.code(error.httpStatus).send({ code: error.code })
      : reply.code((error as { statusCode?: number }).statusCode ?? 500).send({ error: String(error) }),
  );
  await addDicomWeb(app, { store: opened.store, maxUploadBytes: 1 << 24, onWholeStudy: () => {} });
});
afterEach(async () => {
  await app.close();
  opened.remove();
});

const boundary = "part-of-a-test";
const related = (parts: readonly Buffer[]): Buffer =>
  Buffer.concat([
    ...parts.flatMap((part) => [
      Buffer.from(`--${boundary}\r\nContent-Type: application/dicom\r\n\r\n`),
      part,
      Buffer.from("\r\n"),
    ]),
    Buffer.from(`--${boundary}--\r\n`),
  ]);
const relatedType = `multipart/related; type="application/dicom"; boundary=${boundary}`;
const stow = (payload: Buffer, url = "/dicomweb/studies", type = relatedType) =>
  app.inject({ method: "POST", url, headers: { "content-type": type }, payload });
const get = (url: string, accept = "*/*") => app.inject({ url: `/dicomweb${url}`, headers: { accept } });

/** Returns the contents of the parts of an answer. */
function partsOf(body: Buffer, contentType: string): readonly Buffer[] {
  const [, mark = ""] = /boundary=(\w+)/.exec(contentType) ?? [];
  const text = body.toString("latin1");
  return text
    .split(`--${mark}`)
    .slice(1, -1)
    .map((part) => Buffer.from(part.slice(part.indexOf("\r\n\r\n") + 4, -2), "latin1"));
}

describe("STOW-RS", () => {
  test("a series is stored, and each object is answered with its address", async () => {
    const answer = await stow(related(names.map(bytesOf)));
    expect(answer.statusCode).toBe(200);
    const stored = answer.json<DicomJson>()["00081199"]?.Value as DicomJson[];
    expect(stored.length).toBe(names.length);
    expect(stored[0]!["00081190"]?.Value).toEqual([
      `http://localhost:80/dicomweb/studies/${study}/series/${series}/instances/${instance}`,
    ]);
  });

  test("of several objects, those that cannot be stored are named with a reason", async () => {
    const cut = bytesOf(names[1]!).subarray(0, 3000);
    const answer = await stow(related([bytesOf(names[0]!), cut]));
    expect(answer.statusCode).toBe(202);
    expect(answer.json<DicomJson>()["0008119A"]?.Value).toEqual([
      { "00081197": { vr: "US", Value: [0xc000] } },
    ]);
    expect((await stow(related([cut]))).statusCode).toBe(409);
  });

  test("an object of another study than the address names is refused", async () => {
    const answer = await stow(related([bytesOf(names[0]!)]), "/dicomweb/studies/1.2.3");
    expect(answer.statusCode).toBe(409);
    expect(answer.json<DicomJson>()["00081198"]?.Value).toMatchObject([
      { "00081155": { Value: [instance] }, "00081197": { Value: [0xa900] } },
    ]);
    expect([...opened.store.studies()]).toEqual([]);
  });

  test("one object is taken without a multipart body, too", async () => {
    expect((await stow(bytesOf(names[0]!), "/dicomweb/studies", "application/dicom")).statusCode).toBe(200);
  });

  test.each([
    { type: "multipart/related", body: "x", status: 415 },
    { type: relatedType.replace("application/dicom", "image/png"), body: "x", status: 415 },
    { type: relatedType, body: "no boundary at all", status: 415 },
    { type: relatedType, body: `--${boundary}\r\nContent-Type: application/dicom\r\n\r\ncut`, status: 415 },
    { type: relatedType, body: `--${boundary}--`, status: 415 },
    { type: relatedType, body: `--${boundary}\r\n${"x: y\r\n".repeat(10_000)}\r\n`, status: 415 },
    { type: "application/json", body: "{}", status: 415 },
    { type: relatedType, body: "x".repeat((1 << 24) + 1), status: 413 },
  ])("a body of $type that is wrong gets $status", async ({ type, body, status }) => {
    expect((await stow(Buffer.from(body), "/dicomweb/studies", type)).statusCode).toBe(status);
    expect(readdirSync(join(opened.folder, "incoming"))).toEqual([]);
  });
});

describe("QIDO-RS", () => {
  beforeEach(() => fillStore(opened.store, ct));

  test("a study is found, with what it holds", async () => {
    const [found] = (await get("/studies?PatientID=*&limit=5")).json<DicomJson[]>();
    expect(found!["0020000D"]?.Value).toEqual([study]);
    expect(found!["00201208"]?.Value).toEqual([names.length]);
    expect(found!["00080061"]?.Value).toEqual(["CT"]);
    expect(found!["00081190"]?.Value).toEqual([`http://localhost:80/dicomweb/studies/${study}`]);
  });

  test.each([
    { url: `/studies/${study}/series`, count: 1 },
    { url: `/studies/${study}/series?Modality=MR`, count: 0 },
    { url: "/series?00080060=CT", count: 1 },
    { url: `/studies/${study}/series/${series}/instances`, count: names.length },
    { url: `/studies/${study}/instances?limit=2&offset=1`, count: 2 },
    { url: `/instances?SOPInstanceUID=${instance},1.2.3`, count: 1 },
    { url: "/studies?StudyDate=19000101-20991231", count: 1 },
    { url: "/studies?StudyDate=20990101-", count: 0 },
    { url: "/studies/1.2.3/series", count: 0 },
  ])("$url finds $count", async ({ url, count }) => {
    const answer = await get(url);
    expect(answer.headers["content-type"]).toBe("application/dicom+json");
    expect(answer.json<DicomJson[]>().length).toBe(count);
  });

  test.each(["/studies?Nonsense=1", "/studies?limit=x", "/studies/..%2f..%2fetc/series"])(
    "%s is refused",
    async (url) => {
      expect((await get(url)).statusCode).toBe(400);
    },
  );
});

describe("WADO-RS", () => {
  beforeEach(() => fillStore(opened.store, ct));

  test("a series comes back as it was stored", async () => {
    const answer = await get(
      `/studies/${study}/series/${series}`,
      'multipart/related; type="application/dicom"',
    );
    const parts = partsOf(answer.rawPayload, String(answer.headers["content-type"]));
    expect(parts.map((part) => part.toString("hex")).sort()).toEqual(
      names.map((name) => bytesOf(name).toString("hex")).sort(),
    );
  });

  test("one object comes without a multipart body on request", async () => {
    const answer = await get(`/studies/${study}/series/${series}/instances/${instance}`, "application/dicom");
    expect(answer.rawPayload.equals(bytesOf(names[0]!))).toBe(true);
  });

  test("metadata has the attributes of every object, and no pixels", async () => {
    const found = (await get(`/studies/${study}/metadata`)).json<DicomJson[]>();
    expect(found.length).toBe(names.length);
    expect(found[0]!["00280010"]).toMatchObject({ vr: "US" });
    expect(found[0]!["00100010"]?.Value?.[0]).toHaveProperty("Alphabetic");
    expect(found[0]).not.toHaveProperty("7FE00010");
  });

  test("the only frame of an image is its pixels", async () => {
    const url = `/studies/${study}/series/${series}/instances/${instance}/frames/1`;
    const answer = await get(url, 'multipart/related; type="application/octet-stream"');
    const [frame] = partsOf(answer.rawPayload, String(answer.headers["content-type"]));
    expect(bytesOf(names[0]!).includes(frame!)).toBe(true);
    expect((await get(url, 'multipart/related; type="*/*"')).statusCode).toBe(200);
    expect((await get(url.replace(/1$/, "2"))).statusCode).toBe(404);
    expect((await get(url.replace(/1$/, "x"))).statusCode).toBe(400);
  });

  test.each([
    { url: "/studies/1.2.3", accept: "*/*", status: 404 },
    { url: `/studies/${study}`, accept: "image/jpeg", status: 406 },
    {
      url: `/studies/${study}`,
      accept: 'multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.4.90',
      status: 406,
    },
  ])("$url for $accept gets $status", async ({ url, accept, status }) => {
    expect((await get(url, accept)).statusCode).toBe(status);
  });
});

/** A file with a CT's elements, of which one has another value. */
const changedFile = (elements: DicomElements): Buffer =>
  dicomFile(
    new Map([
      ...sliceElements(
        { voxels: new Int16Array(4), sizeZyx: [1, 2, 2], spacingMmZyx: [1, 1, 1], originMmXyz: [0, 0, 0] },
        0,
        new Int16Array(4),
      ),
      ...elements,
    ]),
  );

/** An item whose only element is a sequence in bytes of an unknown kind, which has such an item again. */
function nestedItems(depth: number): Buffer {
  let bytes: Buffer = Buffer.alloc(0);
  for (let i = 0; i < depth; i++) {
    const header = Buffer.alloc(16);
    header.writeUInt32LE(0xe000fffe, 0);
    header.writeUInt32LE(bytes.length + 8, 4);
    header.writeUInt16LE(0x0008, 8);
    header.writeUInt16LE(0x1140, 10);
    header.writeUInt32LE(bytes.length, 12);
    bytes = Buffer.concat([header, bytes]);
  }
  return bytes;
}

describe("a hostile object", () => {
  test("with sequences nested in bytes of an unknown kind is refused", async () => {
    const file = changedFile(new Map([[0x00081140, ["UN", nestedItems(3000)]]]));
    const answer = await stow(related([file]));
    expect(answer.statusCode).toBe(409);
    expect(answer.json<DicomJson>()["0008119A"]?.Value).toEqual([
      { "00081197": { vr: "US", Value: [0xc000] } },
    ]);
  });

  test("with bytes of an unknown kind in the place of a sequence is described by these bytes", async () => {
    const file = changedFile(new Map([[0x00081140, ["UN", Buffer.from("no items")]]]));
    expect((await stow(related([file]))).statusCode).toBe(200);
    const [described] = (await get("/studies/2.25.1/metadata")).json<DicomJson[]>();
    expect(described!["00081140"]).toEqual({
      vr: "UN",
      InlineBinary: Buffer.from("no items").toString("base64"),
    });
  });

  test("with a very long name is stored, but its name is not kept in memory", async () => {
    const file = changedFile(new Map([[0x00100010, ["UT", "A".repeat(100_000)]]]));
    expect((await stow(related([file]))).statusCode).toBe(200);
    expect(
      opened.store.instance({ study: "2.25.1", series: "2.25.2", instance: "2.25.10001" })!.attributes,
    ).not.toHaveProperty("00100010");
  });

  test.each(["2000000000", "1000000000000000", "3"])(
    "with %s frames and the pixels of one is refused when frames are wanted",
    async (count) => {
      const file = changedFile(
        new Map([
          [0x00280008, ["IS", count]],
          ...(count === "3" ? [] : ([[0x00280010, ["US", [0]]]] as const)),
        ]),
      );
      expect((await stow(related([file]))).statusCode).toBe(200);
      const answer = await get("/studies/2.25.1/series/2.25.2/instances/2.25.10001/frames/1");
      expect([answer.statusCode, answer.json().code]).toEqual([422, "DICOM_BROKEN_FILE"]);
    },
  );
});
