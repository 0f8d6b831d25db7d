import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  type OpenvinoArchitecture,
  openvinoCacheFolder,
  openvinoFolderVariable,
  openvinoLibraries,
} from "../../../processor/contract/openvino-libraries.js";
import { silentProgress } from "../../../processor/contract/progress/progress.js";
import {
  architectureHere,
  installOpenvino,
  openvinoFolder,
} from "../../../src/base-image/install-openvino.js";
import { readRecipe } from "../../../src/base-image/recipe.js";
import { main } from "../../../src/cli/main.js";
import { neverStopped } from "../../support/never-stopped.js";
import { testTerminal } from "../../support/programs/test-terminal.js";

let scratch: string;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "openvino-"));
});
afterEach(() => rmSync(scratch, { recursive: true }));

const architecture = architectureHere();

function putLibraries(folder: string, names: readonly string[]) {
  mkdirSync(folder, { recursive: true });
  for (const name of names) writeFileSync(join(folder, name), "");
  return folder;
}

const install = (wheelFolder: string | null) =>
  installOpenvino({
    cacheFolder: scratch,
    wheelFolder,
    findIndex: async () => null,
    progress: silentProgress,
    signal: neverStopped(),
  });

describe.skipIf(architecture === null)("OpenVINO is found", () => {
  const libraries = openvinoLibraries(architecture as OpenvinoArchitecture);

  test("in the user's cache, when no library is missing", async () => {
    const folder = putLibraries(openvinoCacheFolder(scratch), libraries.slice(1));
    const machine = { environment: {}, cacheFolder: scratch };
    expect(await openvinoFolder(machine)).toBeNull();
    putLibraries(folder, libraries);
    expect(await openvinoFolder(machine)).toBe(folder);
    expect(await install(null)).toMatchObject({ folder, isNew: false });
  });

  test("only in the folder that the environment names", async () => {
    putLibraries(openvinoCacheFolder(scratch), libraries);
    const named = join(scratch, "libs");
    const machine = { environment: { [openvinoFolderVariable]: named }, cacheFolder: scratch };
    expect(await openvinoFolder(machine)).toBeNull();
    expect(await openvinoFolder({ ...machine, environment: machine.environment })).toBeNull();
    putLibraries(named, libraries);
    expect(await openvinoFolder(machine)).toBe(named);
  });
});

describe.skipIf(architecture === null)("the installation is refused", () => {
  test("without an index and without a folder of wheels", async () => {
    await expect(install(null)).rejects.toMatchObject({ code: "PACKAGE_INDEX_UNKNOWN" });
  });

  test("for a wheel with another digest, of which nothing is unpacked", async () => {
    const { wheels } = await readRecipe("cpu", architecture === "x64" ? "linux/amd64" : "linux/arm64");
    writeFileSync(join(scratch, wheels[0]!.file), "not the wheel");
    await expect(install(scratch)).rejects.toMatchObject({ code: "SOURCE_CHANGED" });
    expect(await openvinoFolder({ environment: {}, cacheFolder: scratch })).toBeNull();
  });
});

test("inference-engines lists what is installed, and how to install what is not", async () => {
  const terminal = testTerminal(scratch, { XDG_CACHE_HOME: scratch, [openvinoFolderVariable]: "" });
  expect(await main(["inference-engines"], terminal)).toBe(0);
  expect(terminal.printed.out).toMatch(/^onnxruntime \d+\.\d+\.\d+$/m);
  expect(terminal.printed.out).toMatch(
    architecture === null
      ? /^openvino +not for this machine$/m
      : /^openvino +\S+ not installed: `build_processor inference-engines install`$/m,
  );
});
