import { rename } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { silentProgress } from "../../../processor/contract/progress/progress.js";
import { writeDockerArchive } from "../../../src/oci/write-image.js";
import type { PreflightReport } from "../../../src/targets/preflight/preflight.js";
import { neverStopped } from "../../support/never-stopped.js";
import { assemble, scratchFolder, smallRootFileSystem } from "../../support/oci/oci-scratch.js";
import { testPlan } from "../../support/oci/test-plan.js";
import { runProgram } from "../../support/programs/run-program.js";

test("preflight prints every check as JSON, and fails with the names of those that failed", async () => {
  const cwd = scratchFolder();
  const base = { kind: "root-file-system", archive: await smallRootFileSystem(cwd) } as const;
  const image = await assemble(testPlan({ base }), join(cwd, "cache"));
  await writeDockerArchive({
    image,
    path: join(cwd, "image.tar"),
    progress: silentProgress,
    signal: neverStopped(),
  });
  const accepted = await runProgram(["preflight", "image.tar", "--json"], { cwd });
  expect(accepted.exitCode, accepted.err).toBe(0);
  const report = JSON.parse(accepted.out) as PreflightReport;
  expect(report.findings.map(({ result }) => result)).toEqual(report.findings.map(() => "pass"));
  await rename(join(cwd, "image.tar"), join(cwd, "image.zip"));
  const refused = await runProgram(["preflight", "image.zip"], { cwd });
  expect(refused.exitCode).toBe(5);
  expect(refused.out).toMatch(/^pass .*\n(.*\n)*fail +extension.*\n.*\n$/);
  expect(refused.err).toMatch(/ARCHIVE_REFUSED: image\.zip: extension: .+\n.+\n$/);
});
