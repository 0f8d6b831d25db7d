import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { load } from "koffi";
import { expect, onTestFinished, test } from "vitest";
import { openvinoEntryLibrary, openvinoFolderVariable } from "../../processor/contract/openvino-libraries.js";
import { architectureHere } from "../../src/base-image/install-openvino.js";
import { runProgram } from "../support/programs/run-program.js";

test.skipIf(architectureHere() === null)(
  "OpenVINO is downloaded once from pip's index, and its libraries load",
  { timeout: 600_000 },
  async () => {
    const cwd = mkdtempSync(join(tmpdir(), "engines-"));
    onTestFinished(() => rmSync(cwd, { recursive: true }));
    // CI names a folder of its own for the other tests.
    const environment = { XDG_CACHE_HOME: join(cwd, "cache"), [openvinoFolderVariable]: "" };
    const install = ["inference-engines", "install", "--json"];
    const first = await runProgram(install, { cwd, environment });
    expect(first.exitCode, first.err).toBe(0);
    const { folder, isNew } = JSON.parse(first.out) as { readonly folder: string; readonly isNew: boolean };
    expect(isNew).toBe(true);
    expect(load(join(folder, openvinoEntryLibrary)).func("ov_get_last_err_msg", "str", [])()).toBeDefined();
    // The second time nothing is downloaded: there is no index.
    const second = await runProgram(install, { cwd, environment: { ...environment, PIP_NO_INDEX: "1" } });
    expect(JSON.parse(second.out)).toMatchObject({ folder, isNew: false });
    const listed = await runProgram(["inference-engines", "list"], { cwd, environment });
    expect(listed.out).toContain(`in ${folder}`);
  },
);
