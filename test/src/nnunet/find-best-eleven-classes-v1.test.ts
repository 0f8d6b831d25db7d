import { readdirSync, readFileSync } from "node:fs";
import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { main } from "../../../src/cli/main.js";
import { testTerminal } from "../../support/programs/test-terminal.js";

const fixture = join("test", "fixtures", "eleven-classes-v1");
const expected = join(fixture, "expected");

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "eleven-classes-"));
});
afterEach(() => rm(folder, { recursive: true }));

/** Time and number of a summary differ in every run. */
const withoutTime = (text: string): string => text.replace(/"(id|timestamp)": "[^"]*"/g, '"$1": ""');

test("find-best takes eleven classes in v1's order: as text in its decisions, as numbers in its table", async () => {
  await cp(join(fixture, "in"), folder, { recursive: true });
  const terminal = testTerminal(folder, {
    RESULTS_FOLDER: join(folder, "RESULTS_FOLDER"),
    nnUNet_preprocessed: join(folder, "nnUNet_preprocessed"),
  });
  const argv = ["find-best", "--nnunet", "v1", "601", "-c", "2d", "3d_fullres", "-p", "myPlans", "-f", "0"];
  expect(await main(argv, terminal), terminal.printed.err).toBe(0);
  const names = readdirSync(expected, { recursive: true, encoding: "utf8" });
  const files = names.filter((name) => /\.(?:json|txt|csv)$/.test(name));
  expect(files).toHaveLength(8);
  for (const name of files)
    expect(withoutTime((await readFile(join(folder, name), "utf8")).replaceAll(folder, "BASE")), name).toBe(
      withoutTime(readFileSync(join(expected, name), "utf8")),
    );
});
