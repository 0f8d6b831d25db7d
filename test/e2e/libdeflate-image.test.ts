import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { silentProgress } from "../../processor/contract/progress/progress.js";
import { indexFinder } from "../../src/base-image/python-index.js";
import { buildBaseImage } from "../../src/build/build-base-image.js";
import { cacheFolder } from "../../src/model-source/cache-folder.js";
import { describeWithEngine, removeImage, runContained, testEngine } from "../support/docker/docker.js";
import { buildWithDocker, testBuildRequest } from "../support/docker/processor-build.js";
import { goldenPath } from "../support/golden.js";
import { needs } from "../support/needs.js";
import { neverStopped } from "../support/never-stopped.js";

const timeout = 600_000;
const input = goldenPath("v2", "blobs_3d_fullres", "input");
const file = "blob_010_0000.nii.gz";

/** Hides the library, so that the image is like one on a base that lacks it. */
const withoutLibrary = ["/dev/null:/usr/lib/x86_64-linux-gnu/libdeflate.so.0"];

describeWithEngine("an image of Debian's packages", () => {
  const base = "nnunet-processor-libdeflate/base:1";
  const imageName = "nnunet-processor-libdeflate/blobs:1";
  const scratch = mkdtempSync(join(tmpdir(), "e2e-libdeflate-"));

  beforeAll(async () => {
    await buildBaseImage({
      engine: testEngine(),
      variant: "cpu",
      gpuArchitectures: [],
      leftOut: [],
      wheelFolder: null,
      findIndex: indexFinder(process.env, neverStopped()),
      debianRoot: "packages",
      imageName: base,
      cacheFolder: cacheFolder(process.env),
      progress: silentProgress,
      signal: neverStopped(),
    });
    await buildWithDocker(
      await testBuildRequest({
        golden: "blobs_3d_fullres",
        imageName,
        scratch,
        base: { imageName: base },
      }),
    );
  }, timeout);

  afterAll(async () => {
    await removeImage(imageName);
    await removeImage(base);
    rmSync(scratch, { recursive: true, force: true });
  });

  /** Returns the number of bytes that the image's own code inflates at once; null if it leaves the file to zlib. */
  async function inflatedAtOnce(binds: readonly string[] = []): Promise<number | null> {
    const script = `
        import("/opt/nnunet-processor/processor/imaging/formats/gunzip-whole.js").then(
          async ({ gunzipWhole, newGunzipMemory }) => {
            const { open } = await import("node:fs/promises");
            const file = await open("/input/${file}");
            const bytes = await gunzipWhole({ file, start: 0 }, { packed: 2 ** 28, inflated: 2 ** 28 }, newGunzipMemory());
            await file.close();
            console.log(JSON.stringify(bytes === null ? null : bytes.length));
          });`;
    const command = ["/usr/local/bin/node", "-e", script];
    const run = await runContained(imageName, { input, output: outputFolder("inflated"), command, binds });
    expect(run.exitCode, run.output).toBe(0);
    return JSON.parse(run.output) as number | null;
  }

  function outputFolder(name: string): string {
    const folder = join(scratch, name);
    mkdirSync(folder, { recursive: true });
    chmodSync(folder, 0o777);
    return folder;
  }

  test("inflates .nii.gz with libdeflate, as a user without rights on a read-only root", async () => {
    expect(await inflatedAtOnce()).toBe(gunzipSync(readFileSync(join(input, file))).length);
  });

  test("inflates it with zlib where the library is missing, as on a base of one's own", async () => {
    expect(await inflatedAtOnce(withoutLibrary)).toBeNull();
  });

  test("gives the same bytes as an answer with and without the library", { timeout }, async () => {
    const answers: Buffer[] = [];
    for (const [name, binds] of [["with", []] as const, ["without", withoutLibrary] as const]) {
      const output = outputFolder(name);
      const run = await runContained(imageName, { input, output, binds });
      expect(run.exitCode, run.output).toBe(0);
      answers.push(readFileSync(join(output, "images", file)));
    }
    expect(answers[1]).toEqual(answers[0]);
  });
}, [needs.apt, needs.dpkg]);
