import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { didYouMean } from "../../../processor/files/nearest-path.js";
import { whyNotFound, whyUnreadable } from "../../../processor/files/why-unreadable.js";

const scratch = mkdtempSync(join(tmpdir(), "why-unreadable-"));
afterAll(() => rmSync(scratch, { recursive: true }));
for (const folder of ["data/nnUNet_results/Dataset004_Liver/model", "data/nnUNet_raw", "temp"])
  mkdirSync(join(scratch, folder), { recursive: true });
writeFileSync(join(scratch, "data", "liver.zip"), "");
symlinkSync("circle", join(scratch, "circle"));
symlinkSync("nowhere", join(scratch, "dangling"));

const withoutScratch = (text: string): string => text.replaceAll(`${scratch}/`, "");

test.each([
  { path: "data/nnUNet_resluts", end: "; did you mean data/nnUNet_results?" },
  {
    path: "dtaa/nnUNet_resluts/Dataset004_Livre/model",
    end: "; did you mean data/nnUNet_results/Dataset004_Liver/model?",
  },
  {
    path: "data/nnUNet_resluts/Dataset007_Spleen",
    end: "; there is no data/nnUNet_resluts, but there is data/nnUNet_results",
  },
  { path: "tempp/Dataset004_Liver/model", end: "; there is no tempp, but there is temp" },
  { path: "elsewhere/Dataset004_Liver", end: "; there is no elsewhere" },
  { path: "data/lvier.zip", end: "; did you mean data/liver.zip?" },
  { path: "data/lvier.zip/model", end: "; there is no data/lvier.zip" },
  { path: "data/nothing like it", end: "" },
  { path: "da", end: "" },
  { path: "data/nnUNet_raw", end: "" },
])("a wrong path suggests only what exists, or says where it goes wrong: $path", async ({ path, end }) => {
  expect(withoutScratch(await didYouMean(join(scratch, path)))).toBe(end);
});

test.each([
  { path: "data/nnUNet_rwa", says: " does not exist; did you mean data/nnUNet_raw?" },
  { path: "data/liver.zip", says: " is a file, not a folder" },
  { path: "data/liver.zip/fold_0/a", says: ": data/liver.zip is a file, not a folder" },
  { path: "circle", says: " cannot be read (ELOOP): its links lead in a circle" },
  { path: "circle/a", says: " cannot be read (ELOOP): its links lead in a circle (circle)" },
  { path: "dangling", says: " is a link to nowhere, which does not exist" },
])("says why a folder of the user cannot be listed: $path", async ({ path, says }) => {
  const folder = join(scratch, path);
  const cause: unknown = await readdir(folder).catch((error: unknown) => error);
  expect(withoutScratch(await whyNotFound(folder, cause))).toBe(says);
});

test("suggests nothing for a name that the program itself has chosen", async () => {
  const images = join(scratch, "data", "nnUNet_rwa");
  const cause: unknown = await stat(images).catch((error: unknown) => error);
  expect(await whyUnreadable(images, cause)).toBe(" does not exist");
});
