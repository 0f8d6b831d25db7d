import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ZipArchive } from "../../processor/files/zip/zip-archive.js";
import { main } from "../../src/cli/main.js";
import { goldenPath } from "../support/golden.js";
import { type TestTerminal, testTerminal } from "../support/programs/test-terminal.js";

interface ZipEntry {
  readonly name: string;
  readonly size: number;
}

interface Run {
  readonly run: string;
  readonly argv: readonly string[];
  readonly error: { readonly type: string } | null;
  readonly zip?: readonly ZipEntry[];
}

const runs = JSON.parse(readFileSync(goldenPath("tools", "misc", "zip.json"), "utf8")) as readonly Run[];
const exports = runs.filter(({ run }) => run !== "install");
const informationFile = "Dataset021_Zip/inference_information.json";

let folder: string;
let terminal: TestTerminal;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "zip-"));
  terminal = { ...testTerminal(folder), environment: { nnUNet_results: join(folder, "results") } };
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Makes the files that nnU-Net exported in some run, with their sizes. */
function makeResults({ withEnsembles }: { readonly withEnsembles: boolean }): void {
  const entries = new Map(
    exports.flatMap(({ error, zip = [] }) =>
      error === null ? zip.map(({ name, size }) => [name, size] as const) : [],
    ),
  );
  for (const [name, size] of entries) {
    if (!withEnsembles && (name.includes("/ensembles/") || name === informationFile)) continue;
    const path = join(folder, "results", name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, "x".repeat(size));
  }
}

const exported = (run: Run): Promise<number> => {
  const [, dataset = "", ...options] = run.argv;
  return main(["export-model", dataset, ...options], terminal);
};

describe.each(exports.filter(({ error }) => error === null))("$run", (run) => {
  test("packs the files that nnU-Net packs, and import-model puts them back", async () => {
    makeResults({ withEnsembles: run.run !== "no_ensembles_folder" });
    expect(await exported(run), terminal.printed.err).toBe(0);
    const archive = await ZipArchive.open(join(folder, "Z.zip"));
    const found = archive.entries.map(({ path, size }) => ({ path, size }));
    await archive.close();
    const expected = run.zip!.map(({ name, size }) => ({ path: name, size }));
    expect(found).toEqual(expected.toSorted((a, b) => (a.path < b.path ? -1 : 1)));
    rmSync(join(folder, "results"), { recursive: true });
    expect(await main(["import-model", "Z.zip"], terminal), terminal.printed.err).toBe(0);
    for (const { path, size } of expected)
      expect(readFileSync(join(folder, "results", path), "utf8")).toHaveLength(size);
  });
});

describe.each(exports.filter(({ error }) => error !== null))("$run", (run) => {
  test("is refused as by nnU-Net, and leaves no half-written archive", async () => {
    makeResults({ withEnsembles: true });
    expect(await exported(run)).toBeGreaterThan(1);
    expect(() => readFileSync(join(folder, "Z.zip"))).toThrow();
  });
});

describe("like nnU-Net's export, export-model", () => {
  const pathsIn = async (): Promise<readonly string[]> => {
    const archive = await ZipArchive.open(join(folder, "Z.zip"));
    await archive.close();
    return archive.entries.map(({ path }) => path);
  };
  const results = (...parts: readonly string[]): string =>
    join(folder, "results", "Dataset021_Zip", ...parts);
  const export2d = (...options: readonly string[]): Promise<number> =>
    main(["export-model", "21", "-o", "Z.zip", "-c", "2d", ...options], terminal);

  test("takes the inference information only if there is a folder for ensembles, and never the instructions", async () => {
    makeResults({ withEnsembles: true });
    writeFileSync(results("inference_instructions.txt"), "x");
    expect(await export2d("--not_strict")).toBe(0);
    expect(await pathsIn()).toContain(informationFile);
    expect(await pathsIn()).not.toContain("Dataset021_Zip/inference_instructions.txt");
    rmSync(results("ensembles"), { recursive: true });
    expect(await export2d("--overwrite")).toBe(0);
    expect(await pathsIn()).not.toContain(informationFile);
  });

  test("packs the models of several data sets into one archive, which import-model unpacks", async () => {
    makeResults({ withEnsembles: true });
    cpSync(results(), join(folder, "results", "Dataset022_Other"), { recursive: true });
    const argv = ["export-model", "21", "22", "-o", "Z.zip", "-c", "2d"];
    expect(await main(argv, terminal), terminal.printed.err).toBe(0);
    const [one, other] = ["Dataset021_Zip/", "Dataset022_Other/"].map(async (start) =>
      (await pathsIn()).filter((path) => path.startsWith(start)).map((path) => path.slice(start.length)),
    );
    expect(await other).toEqual(await one);
    rmSync(join(folder, "results"), { recursive: true });
    expect(await main(["import-model", "Z.zip"], terminal), terminal.printed.err).toBe(0);
    expect(readdirSync(join(folder, "results"))).toEqual(["Dataset021_Zip", "Dataset022_Other"]);
  });

  test("refuses --exp_cv_preds without the segmentations of a fold", async () => {
    makeResults({ withEnsembles: true });
    rmSync(results("nnUNetTrainer__nnUNetPlans__2d", "fold_3", "validation"), { recursive: true });
    expect(await export2d("--exp_cv_preds")).toBe(3);
    expect(terminal.printed.err).toContain("fold_3/validation");
  });
});
