import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { places } from "../../../processor/contract/places.js";
import { listConverterFiles } from "../../../src/image/converter-files.js";

const files = await listConverterFiles([]);
const paths = files.map(({ path }) => `/${path}`);

test("the entry is among the files, and every file is below the folder of the program", () => {
  expect(paths).toContain(places.anyModel.entry);
  expect(paths.filter((path) => !path.startsWith(`${places.image.root}/`))).toEqual([]);
  expect(paths).toEqual([...paths].sort());
});

test("the checkpoint's reader and the ONNX writer are there, but not the builders nor their packages", () => {
  expect(paths).toContain(`${places.image.root}/src/convert/convert-model.js`);
  expect(paths).toContain(`${places.image.root}/node_modules/yauzl/package.json`);
  expect(paths).toContain(`${places.image.root}/node_modules/pend/package.json`);
  const others =
    /\/(?:src\/(?:docker|build|oci|targets|attest)|node_modules\/(?:dockerode|yargs|esbuild-wasm|handlebars|onnxruntime-node|pngjs))\//;
  expect(paths.filter((path) => others.test(path))).toEqual([]);
});

test("the processor's files are not repeated", () => {
  expect(paths.filter((path) => path.startsWith(places.image.programs))).toEqual([]);
});

test("all of it is less than 5 MB", () => {
  const bytes = files.map(({ source }) => ("file" in source ? readFileSync(source.file).length : 0));
  expect(bytes.reduce((sum, length) => sum + length, 0)).toBeLessThan(5e6);
});
