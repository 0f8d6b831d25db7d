import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { places } from "../../../processor/contract/places.js";
import { npmPackages } from "../../../src/attest/installed-packages.js";
import { listPageFiles } from "../../../src/image/page-files.js";

const files = await listPageFiles();
const contents = files.map(({ source }) => ("file" in source ? readFileSync(source.file) : Buffer.alloc(0)));

test("the web page is where the service looks for it in an image", () => {
  const service = join(places.image.programs, "runtime", "service", "start");
  expect(join(service, "..", "..", "..", "..", "viewer", "page")).toBe(places.image.page);
  expect(files.map(({ path }) => `/${path}`)).toEqual(
    expect.arrayContaining(
      ["index.html", "page.js", "page.css"].map((name) => `${places.image.page}/${name}`),
    ),
  );
});

test("it takes less than 0.5 MB compressed, as docs/reference/performance.md says", () => {
  expect(gzipSync(Buffer.concat(contents)).length).toBeLessThan(0.5e6);
});

test("it has the licences of the packages that are bundled in it", () => {
  const licences = contents[files.findIndex(({ path }) => path.endsWith("licences.txt"))]!.toString();
  for (const name of ["@niivue/niivue", "gl-matrix", "nifti-reader-js", "fflate"])
    expect(licences).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\(`, "m"));
  expect(licences).toContain("Redistribution and use in source and binary forms");
});

test("an image's bill of materials lists the packages that are bundled in it", () => {
  const at = files.findIndex(({ path }) => path.endsWith("/packages.json"));
  const found = npmPackages({ texts: { [files[at]!.path]: contents[at]!.toString() } });
  const licences = Object.fromEntries(found.map(({ name, license }) => [name, license]));
  expect(licences).toMatchObject({
    "@niivue/niivue": "BSD-2-Clause",
    "gl-matrix": "MIT",
    "nifti-reader-js": "MIT",
    fflate: "MIT",
  });
  expect(found.every(({ kind, version }) => kind === "npm" && version !== null)).toBe(true);
});
