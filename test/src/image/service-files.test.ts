import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { places } from "../../../processor/contract/places.js";
import { listConverterFiles } from "../../../src/image/converter-files.js";
import { listInvokeFiles, listServiceFiles, servicePackages } from "../../../src/image/service-files.js";

const files = await listServiceFiles();
const paths = files.map(({ path }) => `/${path}`);

test("the packages of the service and of its queue are there, without native code and those of builders", () => {
  for (const name of ["fastify", "ajv", "prom-client", "yaml", "yauzl", "bullmq", "ioredis"])
    expect(paths).toContain(`${places.anyModel.packages}/${name}/package.json`);
  expect(paths.filter((path) => /\.node$|msgpackr-extract|dockerode|onnxruntime/.test(path))).toEqual([]);
});

test("they take less than 1.5 MB compressed, as docs/reference/performance.md says", () => {
  const bytes = files.map(({ source }) => ("file" in source ? readFileSync(source.file) : Buffer.alloc(0)));
  expect(gzipSync(Buffer.concat(bytes)).length).toBeLessThan(1.5e6);
});

test("an image for any model has each package once", async () => {
  const converter = await listConverterFiles(await servicePackages());
  const twice = converter.filter(({ path }) => paths.includes(`/${path}`));
  expect(twice).toEqual([]);
});

test("an image for grand-challenge without the service keeps what its invoke needs, and no more", async () => {
  const kept = (await listInvokeFiles()).map(({ path }) => `/${path}`);
  expect(kept).toContain(`${places.anyModel.packages}/fastify/package.json`);
  expect(
    kept.filter((path) => /\/(?:prom-client|yaml|@fastify\/(?:multipart|swagger|rate-limit))\//.test(path)),
  ).toEqual([]);
  expect(kept.filter((path) => !paths.includes(path))).toEqual([]);
});
