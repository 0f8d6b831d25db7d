import { createHash } from "node:crypto";
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { type Progress, silentProgress } from "../../processor/contract/progress/progress.js";
import type { BuildContext, BuildRequest, OutputRequest } from "../../src/build/build-request.js";
import { BlobCache } from "../../src/oci/blob-cache.js";
import { contentDigest } from "../../src/oci/content-digest.js";
import { buildEmbedded, testBuildRequest } from "../support/docker/processor-build.js";
import { describeWith, needs } from "../support/needs.js";
import { scratchFolder } from "../support/oci/oci-scratch.js";
import { smallBase } from "../support/oci/small-base.js";
import { startRegistry } from "../support/oci/test-registry.js";
import { outputOf } from "../support/program-on-path.js";
import { RecordedProgress } from "../support/programs/recorded-progress.js";

const timeout = 600_000;
const archiveName = "team-blobs-1.tar.gz";

interface Place {
  /** The folder for the base image and the caches. */
  readonly scratch: string;
  /** The folder for the archive. */
  readonly out: string;
  readonly request: (
    outputs?: Partial<OutputRequest>,
    context?: Partial<BuildContext>,
  ) => Promise<BuildRequest>;
}

async function place(imageName = "team/blobs:1"): Promise<Place> {
  const scratch = scratchFolder();
  const out = join(scratch, "out");
  mkdirSync(out);
  const baseImage = await smallBase(scratch);
  return {
    scratch,
    out,
    request: (outputs = {}, context = {}) =>
      testBuildRequest({
        golden: "blobs_3d_fullres",
        imageName,
        scratch,
        base: { imageName: baseImage },
        outputs: { exportFolder: out, ...outputs },
        context: { cacheFolder: join(scratch, "cache"), ...context },
      }),
  };
}

const sha256 = (file: string) => createHash("sha256").update(readFileSync(file)).digest("hex");
const partials = (cacheFolder: string) => readdirSync(join(cacheFolder, "layers", "partial"));
const blobFiles = (cacheFolder: string) =>
  readdirSync(join(cacheFolder, "layers", "blobs")).map((name) => join(cacheFolder, "layers", "blobs", name));

test("two builds at once in one cache both give the whole image", { timeout }, async () => {
  const { scratch, out, request } = await place();
  const folders = ["a", "b", "c"].map((name) => join(out, name));
  await Promise.all(
    folders.map(async (exportFolder) =>
      buildEmbedded(await request({ exportFolder, buildDir: `${exportFolder}-build` })),
    ),
  );
  const digests = folders.map((folder) => sha256(join(folder, archiveName)));
  expect(new Set(digests).size).toBe(1);
  expect(partials(join(scratch, "cache"))).toEqual([]);
});

describeWith([needs.registry], "Ctrl-C", () => {
  test("at the start of any phase leaves nothing, and the next build goes on", {
    timeout,
  }, async () => {
    const registryFolder = scratchFolder();
    const { host } = await startRegistry({ folder: registryFolder });
    const recorded = new RecordedProgress();
    const whole = await place(`${host}/team/blobs:1`);
    await buildEmbedded(await whole.request({ isPushed: true }, { progress: recorded }));
    const phases = [...new Set(recorded.tasks.map(({ label }) => phaseOf(label)))];
    expect(phases.length).toBeGreaterThanOrEqual(3); // converting, exporting, pushing

    const interrupted = await place(`${host}/other/blobs:1`);
    for (const phase of phases) {
      const stop = new AbortController();
      const build = buildEmbedded(
        await interrupted.request(
          { isPushed: true },
          { signal: stop.signal, progress: stoppingAt(phase, stop) },
        ),
      );
      await expect(build, phase).rejects.toThrow("stopped");
      expect(partials(join(interrupted.scratch, "cache")), phase).toEqual([]);
      expect(readdirSync(interrupted.scratch), phase).not.toContain("build");
      // Not even an archive that was exported before the push is left, so that the same command can run again.
      expect(readdirSync(interrupted.out), phase).toEqual([]);
    }
    const finished = await buildEmbedded(await interrupted.request({ isPushed: true }));
    expect(finished.pushed?.manifestDigest).toBe(finished.manifestDigest);
  });
});

/** Returns the phase without the name of the file or layer. */
const phaseOf = (label: string): string => /[a-z]+ing\b/.exec(label)?.[0] ?? label;

function stoppingAt(phase: string, stop: AbortController): Progress {
  return {
    ...silentProgress,
    start: (task) => {
      if (phaseOf(task.label) === phase) stop.abort(new Error(`stopped at ${phase}`));
      return silentProgress.start(task);
    },
  };
}

describe("a damaged cache", () => {
  test("is noticed if a layer was cut off, and the layer is made again", { timeout }, async () => {
    const { scratch, out, request } = await place();
    await buildEmbedded(await request());
    const before = sha256(join(out, archiveName));
    const blobs = blobFiles(join(scratch, "cache"));
    for (const file of blobs) truncateSync(file, 100);
    await buildEmbedded(await request({ exportFolder: join(out, "again") }));
    expect(blobs.length).toBeGreaterThan(1);
    expect(sha256(join(out, "again", archiveName))).toBe(before);
  });

  test("is noticed if a byte has changed: no archive is written, and the next build repairs the cache", {
    timeout,
  }, async () => {
    const { scratch, out, request } = await place();
    await buildEmbedded(await request());
    const before = sha256(join(out, archiveName));
    const [victim] = blobFiles(join(scratch, "cache"));
    const bytes = readFileSync(victim!);
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(victim!, bytes);
    const again = join(out, "again");
    await expect(buildEmbedded(await request({ exportFolder: again }))).rejects.toMatchObject({
      code: "IMAGE_BUILD_FAILED",
      message: expect.stringContaining("run the command again"),
    });
    expect(readdirSync(again)).toEqual([]);
    await buildEmbedded(await request({ exportFolder: again }));
    expect(sha256(join(again, archiveName))).toBe(before);
  });

  test("is noticed if a record is not JSON, and the record is ignored", { timeout }, async () => {
    const { scratch, out, request } = await place();
    await buildEmbedded(await request());
    const records = join(scratch, "cache", "layers", "records");
    for (const name of readdirSync(records)) writeFileSync(join(records, name), "\0");
    await buildEmbedded(await request({ exportFolder: join(out, "again") }));
    expect(sha256(join(out, "again", archiveName))).toBe(sha256(join(out, archiveName)));
  });
});

describe("a clock that jumps", () => {
  test("by decades in either direction changes no byte of the image", { timeout }, async () => {
    const { out, request } = await place();
    onTestFinished(() => void vi.useRealTimers());
    const digests = [];
    for (const year of ["2026", "1985", "2099"]) {
      vi.useFakeTimers({ now: new Date(`${year}-06-01T00:00:00Z`), toFake: ["Date"] });
      const { archive } = await buildEmbedded(await request({ exportFolder: join(out, year) }));
      digests.push(archive?.sha256);
    }
    expect(new Set(digests).size).toBe(1);
  });

  test("does not hide that a file has changed, even if its time was set back", async () => {
    const scratch = scratchFolder();
    const cache = await BlobCache.open(join(scratch, "cache"));
    const file = join(scratch, "weights.bin");
    const time = new Date("2020-01-01T00:00:00Z");
    onTestFinished(() => void vi.useRealTimers());
    vi.useFakeTimers({ now: new Date("2099-01-01T00:00:00Z"), toFake: ["Date"] });
    writeFileSync(file, "one");
    utimesSync(file, time, time);
    const before = await contentDigest({ file }, cache);
    vi.useFakeTimers({ now: new Date("1999-01-01T00:00:00Z"), toFake: ["Date"] });
    // The clock that the system uses for files advances only every few milliseconds.
    const { ctimeNs } = statSync(file, { bigint: true });
    do {
      writeFileSync(file, "two");
      utimesSync(file, time, time);
    } while (statSync(file, { bigint: true }).ctimeNs === ctimeNs);
    expect(await contentDigest({ file }, cache)).not.toBe(before);
  });
});

describeWith([needs.mount], "a full disk", () => {
  async function smallDisk(folder: string, size: string): Promise<void> {
    mkdirSync(folder, { recursive: true });
    await outputOf("mount", "-t", "tmpfs", "-o", `size=${size}`, "tmpfs", folder);
    onTestFinished(async () => void (await outputOf("umount", folder)));
  }

  test("with the archive on it is reported and leaves nothing there, and the next build succeeds", {
    timeout,
  }, async () => {
    const { out, request } = await place();
    await smallDisk(out, "512k");
    await expect(buildEmbedded(await request())).rejects.toMatchObject({
      code: "DISK_FULL",
      message: expect.stringContaining(out),
    });
    expect(readdirSync(out)).toEqual([]);
    await outputOf("mount", "-o", "remount,size=64m", out);
    await buildEmbedded(await request());
    expect(readdirSync(out)).toEqual([archiveName]);
  });

  test("with the cache on it is reported and leaves no broken layer", { timeout }, async () => {
    const { scratch, out, request } = await place();
    const cacheFolder = join(scratch, "small-cache");
    await smallDisk(cacheFolder, "256k");
    await expect(buildEmbedded(await request({}, { cacheFolder }))).rejects.toMatchObject({
      code: "DISK_FULL",
    });
    expect(readdirSync(out)).toEqual([]);
    expect(partials(cacheFolder)).toEqual([]);
    await outputOf("mount", "-o", "remount,size=64m", cacheFolder);
    await buildEmbedded(await request({}, { cacheFolder }));
    expect(readdirSync(out)).toEqual([archiveName]);
  });
});
