import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { main } from "../../../src/cli/main.js";
import { goldenPath } from "../../support/golden.js";
import { describeWith } from "../../support/needs.js";
import { withOrdinaryRights } from "../../support/programs/ordinary-rights.js";
import { type ProgramRun, runProgram } from "../../support/programs/run-program.js";
import { type TestTerminal, testTerminal } from "../../support/programs/test-terminal.js";

const dataset = "Dataset303_AnisoMR";

let folder: string;
let terminal: TestTerminal;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "unreadable-"));
  const source = goldenPath("tools", "datasets", dataset);
  for (const part of ["dataset.json", "imagesTr", "labelsTr"])
    cpSync(join(source, part), join(folder, "raw", dataset, part), { recursive: true });
  for (const [from, to] of [
    ["expected_fingerprint.json", "dataset_fingerprint.json"],
    ["expected_nnUNetPlans.json", "nnUNetPlans.json"],
  ] as const)
    cpSync(join(source, from), join(folder, "pre", dataset, to));
  terminal = {
    ...testTerminal(folder),
    environment: { nnUNet_raw: join(folder, "raw"), nnUNet_preprocessed: join(folder, "pre") },
  };
});
afterEach(() => rmSync(folder, { recursive: true }));

const commands = [
  ["fingerprint", "303", "--clean"],
  ["plan", "303"],
  ["plan", "explain", "303"],
  ["preprocess", "303", "-c", "2d"],
  ["dataset", "show", "303"],
  ["plot-overlays", "303", "-o", "pictures"],
  ["dataset", "json", "303", "--overwrite", "--channel", "MR", "--label", "background=0", "a=1"],
];

/** A link to itself cannot be read by anybody, not even by root. */
const faults: Readonly<Record<string, (path: string) => void>> = {
  missing: () => {},
  unreadable: (path) => symlinkSync(path, path),
};

describe.each(Object.keys(faults))("with the folder of images %s", (kind) => {
  const hideImages = (): void => {
    const images = join(folder, "raw", dataset, "imagesTr");
    renameSync(images, join(folder, "elsewhere"));
    faults[kind]!(images);
  };

  test.each(commands)("%s %s ends with a code that names it", async (...command) => {
    hideImages();
    expect(await main(command, terminal)).toBe(4);
    expect(terminal.printed.err).toMatch(
      /error DATASET_INVALID: .*imagesTr (?:does not exist|cannot be read \(ELOOP\): its links lead in a circle)/,
    );
  });

  test("dataset verify lists it among the faults", async () => {
    hideImages();
    expect(await main(["dataset", "verify", "303"], terminal)).toBe(4);
    expect(terminal.printed.err).toContain("DATASET_FAULTY");
    expect(terminal.printed.out).toMatch(/imagesTr (?:is not a folder|cannot be read \(ELOOP\))/);
  });
});

describeWith(withOrdinaryRights.needs, "a folder that this account may not read", () => {
  const closed = (path: string, mode: number): void => chmodSync(join(folder, path), mode);
  const runs = async (...command: readonly string[]): Promise<ProgramRun> => {
    const { environment } = terminal;
    const { startedBy } = withOrdinaryRights;
    return runProgram(command, {
      cwd: folder,
      environment: environment as Record<string, string>,
      startedBy,
    });
  };
  const images = `raw/${dataset}/imagesTr`;
  const labels = `raw/${dataset}/labelsTr`;
  afterEach(() => {
    for (const path of ["raw", "pre", `raw/${dataset}`, images, labels]) closed(path, 0o755);
  });

  test.each([
    { path: images, mode: 0o000, says: "imagesTr cannot be read (EACCES): permission denied" },
    { path: images, mode: 0o444, says: "imagesTr cannot be read (EACCES): permission denied" },
    { path: `raw/${dataset}`, mode: 0o000, says: `permission denied ({}/raw/${dataset})` },
    { path: "raw", mode: 0o000, says: "imagesTr cannot be read (EACCES): permission denied ({}/raw)" },
  ])("is not taken for an empty one by dataset json: $path, $mode", async ({ path, mode, says }) => {
    closed(path, mode);
    const channels = ["--channel", "MR", "--label", "background=0", "a=1", "--overwrite"];
    const { exitCode, err } = await runs("dataset", "json", "303", ...channels);
    expect(exitCode).toBe(4);
    expect(err.replaceAll(folder, "{}")).toContain(says);
  });

  test.each([
    { path: images, mode: 0o000, check: "folder-imagesTr", exception: "PermissionError" },
    { path: images, mode: 0o444, check: "folder-imagesTr", exception: "RuntimeError" },
    { path: labels, mode: 0o000, check: "folder-labelsTr", exception: "PermissionError" },
    { path: labels, mode: 0o444, check: "folder-labelsTr", exception: "RuntimeError" },
    { path: `raw/${dataset}`, mode: 0o000, check: "folder-dataset", exception: "AssertionError" },
    {
      path: `raw/${dataset}/dataset.json`,
      mode: 0o000,
      check: "dataset-json",
      exception: "PermissionError",
    },
  ])(
    "is the only fault that dataset verify lists, with nnU-Net's exception: $path, $mode",
    async ({ path, mode, check, exception }) => {
      closed(path, mode);
      const { exitCode, out } = await runs("dataset", "verify", "303", "--json");
      expect(exitCode).toBe(4);
      expect(JSON.parse(out)).toMatchObject([
        {
          findings: [
            {
              check,
              text: `${join(folder, path)} cannot be read (EACCES): permission denied`,
              remedy: expect.stringMatching(/^Give your account the right to/),
              nnunet: { exception },
            },
          ],
        },
      ]);
    },
  );
});

describeWith(withOrdinaryRights.needs, "a file that this account may not read", () => {
  test.each([
    { reader: "SimpleITKIO", exception: "RuntimeError" },
    { reader: "NibabelIO", exception: "ImageFileError" },
  ])("is a fault of its own with $reader, and not a damaged file", async ({ reader, exception }) => {
    const file = join(folder, "raw", dataset, "dataset.json");
    const content = JSON.parse(readFileSync(file, "utf8")) as object;
    writeFileSync(file, JSON.stringify({ ...content, overwrite_image_reader_writer: reader }));
    const labels = join(folder, "raw", dataset, "labelsTr");
    const label = join(labels, readdirSync(labels)[1]!);
    chmodSync(label, 0o000);
    const environment = terminal.environment as Record<string, string>;
    const { startedBy } = withOrdinaryRights;
    const argv = ["dataset", "verify", "303", "--json"];
    const { out } = await runProgram(argv, { cwd: folder, environment, startedBy });
    expect(JSON.parse(out)).toMatchObject([
      {
        findings: [
          {
            check: "unreadable",
            text: `${label} cannot be read (EACCES): permission denied`,
            remedy: expect.stringMatching(/^Give your account the right to/),
            nnunet: { exception },
          },
        ],
      },
    ]);
  });
});

test.each([
  { kind: "missing", says: "/raw does not exist" },
  { kind: "file", says: "/raw is a file, not a folder" },
])("a data set is not found because nnUNet_raw is $kind", async ({ kind, says }) => {
  renameSync(join(folder, "raw"), join(folder, "row"));
  if (kind === "file") writeFileSync(join(folder, "raw"), "");
  expect(await main(["dataset", "verify", "304"], terminal)).toBe(4);
  expect(terminal.printed.err.replaceAll(folder, "{}")).toContain(says);
});

test("dataset show does not show a data set without cases", async () => {
  rmSync(join(folder, "raw", dataset, "imagesTr"), { recursive: true });
  mkdirSync(join(folder, "raw", dataset, "imagesTr"));
  expect(await main(["dataset", "show", "303"], terminal)).toBe(4);
  expect(terminal.printed.err).toContain(`${dataset} has no training cases`);
});

test("move-plans says what is to be done first for a data set without a fingerprint", async () => {
  cpSync(join(folder, "raw", dataset), join(folder, "raw", "Dataset304_Other"), { recursive: true });
  expect(await main(["move-plans", "303", "304", "-p", "nnUNetPlans"], terminal)).toBe(4);
  expect(terminal.printed.err).toContain("error FINGERPRINT_MISSING");
});
