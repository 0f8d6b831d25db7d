import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { silentProgress } from "../../processor/contract/progress/progress.js";
import { indexFinder } from "../../src/base-image/python-index.js";
import { embeddedBase } from "../../src/build/embedded-base.js";
import { writeBuildContext } from "../../src/docker/build-context.js";
import { type ImagePlan, layerFile, layerFileTime } from "../../src/image/image-plan.js";
import { listProcessorFiles } from "../../src/image/processor-files.js";
import { cacheFolder } from "../../src/model-source/cache-folder.js";
import { assembleImage } from "../../src/oci/assemble-image.js";
import type { BaseImage } from "../../src/oci/base-image.js";
import { BlobCache } from "../../src/oci/blob-cache.js";
import { pushToRegistry } from "../../src/oci/registry/push-to-registry.js";
import { writeDockerArchive } from "../../src/oci/write-image.js";
import { neverStopped } from "../support/never-stopped.js";
import { usualRegistrySettings } from "../support/oci/registry-settings.js";
import { type BenchRegistry, startBenchRegistry } from "./bench-registry.js";
import { type BenchRow, megabytes, seconds } from "./bench-row.js";

const folds = 5;
const foldBytes = 200e6;
const baseName = "nnunet-processor-bench/base:1";
const access = {
  registries: usualRegistrySettings,
  environment: process.env,
  progress: silentProgress,
  signal: neverStopped(),
};

interface Measured {
  /** The time until the layers are in the cache (ours) or in the engine (Docker's). */
  readonly imageSeconds: number;
  readonly archiveSeconds: number;
  readonly pushSeconds: number;
  /** The bytes that the push added to the registry. */
  readonly pushedBytes: number;
  readonly archiveBytes: number;
}

/**
 * Measures three builds of a model with five folds and 1 GB of weights: the first, one after the code has changed, and
 * one after a fold's weights have changed. Each writes an archive and pushes. Docker builds, saves and pushes the same
 * files on the same base.
 */
export async function benchImages(): Promise<readonly BenchRow[]> {
  const scratch = mkdtempSync(join(tmpdir(), "bench-images-"));
  const registry = await startBenchRegistry(join(scratch, "registry"));
  try {
    const { base, cache } = await loadBase(scratch);
    const steps = [
      {
        what: "first build, 1 GB of weights",
        withinSeconds: 10,
        plan: await plan(scratch, { code: 1, weights: 1 }),
      },
      { what: "rebuild, other code", withinSeconds: 1, plan: await plan(scratch, { code: 2, weights: 1 }) },
      {
        what: "rebuild, one fold's weights",
        withinSeconds: 10,
        plan: await plan(scratch, { code: 2, weights: 2 }),
      },
    ];
    await wait(2500); // a file that was written just now could change without a new time, and would be digested again
    // Ours goes first, because Docker's context hard-links the weights, which looks as if they had changed.
    const ours: Measured[] = [];
    for (const { plan } of steps) ours.push(await measureOurs(plan, { base, cache, scratch, registry }));
    const rows: BenchRow[] = [];
    for (const [i, { what, plan, withinSeconds }] of steps.entries()) {
      const docker = await measureDocker(plan, { scratch, registry });
      rows.push(...rowsOf(what, { ours: ours[i]!, docker, withinSeconds }));
    }
    return rows;
  } finally {
    registry.stop();
    rmSync(scratch, { recursive: true, force: true });
    for (const image of [baseName, `${registry.host}/docker/bench:1`])
      execFileSync("docker", ["rmi", "-f", image], { stdio: "ignore" });
  }
}

interface Compared {
  readonly ours: Measured;
  readonly docker: Measured;
  /** The goal for the image, without archive and push. */
  readonly withinSeconds: number;
}

const rowsOf = (what: string, { ours, docker: peer, withinSeconds }: Compared): BenchRow[] => [
  {
    what: `${what}: image`,
    ours: seconds(ours.imageSeconds),
    peer: seconds(peer.imageSeconds),
    goal: `< ${withinSeconds} s`,
    isReached: ours.imageSeconds < withinSeconds,
  },
  {
    what: `${what}: archive`,
    ours: `${seconds(ours.archiveSeconds)}, ${megabytes(ours.archiveBytes / 1e6)}`,
    peer: `${seconds(peer.archiveSeconds)}, ${megabytes(peer.archiveBytes / 1e6)}`,
    goal: `${(ours.archiveSeconds / peer.archiveSeconds).toFixed(2)}× docker save (goal ≤ 0.8×)`,
    isReached: ours.archiveSeconds <= 0.8 * peer.archiveSeconds,
  },
  {
    what: `${what}: push`,
    ours: `${seconds(ours.pushSeconds)}, ${megabytes(ours.pushedBytes / 1e6)}`,
    peer: `${seconds(peer.pushSeconds)}, ${megabytes(peer.pushedBytes / 1e6)}`,
    goal: "≤ docker push",
    isReached: ours.pushSeconds <= peer.pushSeconds,
  },
];

interface OursOptions {
  readonly base: BaseImage;
  readonly cache: BlobCache;
  readonly scratch: string;
  readonly registry: BenchRegistry;
}

async function measureOurs(
  plan: ImagePlan,
  { base, cache, scratch, registry }: OursOptions,
): Promise<Measured> {
  const path = join(scratch, "ours.tar");
  const imageName = `${registry.host}/ours/bench:1`;
  rmSync(path, { force: true });
  const before = registry.bytes();
  const start = performance.now();
  const image = await assembleImage({
    plan: { ...plan, imageName },
    base,
    cache,
    time: layerFileTime,
    signal: neverStopped(),
  });
  const made = performance.now();
  const { bytes } = await writeDockerArchive({
    image,
    path,
    progress: silentProgress,
    signal: neverStopped(),
  });
  const archived = performance.now();
  await pushToRegistry(image, null, access);
  const pushed = performance.now();
  return {
    ...secondsOf({ start, made, archived, pushed }),
    pushedBytes: registry.bytes() - before,
    archiveBytes: bytes,
  };
}

async function measureDocker(
  plan: ImagePlan,
  { scratch, registry }: Pick<OursOptions, "scratch" | "registry">,
): Promise<Measured> {
  const context = join(scratch, "context");
  rmSync(context, { recursive: true, force: true });
  mkdirSync(context);
  await writeBuildContext({ ...plan, base: { kind: "image", imageName: baseName } }, (name) =>
    join(context, name),
  );
  const imageName = `${registry.host}/docker/bench:1`;
  const path = join(scratch, "docker.tar");
  const before = registry.bytes();
  const start = performance.now();
  docker("build", "-q", "-t", imageName, context);
  const made = performance.now();
  docker("save", "-o", path, imageName);
  const archived = performance.now();
  docker("push", "-q", imageName);
  const pushed = performance.now();
  return {
    ...secondsOf({ start, made, archived, pushed }),
    pushedBytes: registry.bytes() - before,
    archiveBytes: statSync(path).size,
  };
}

const docker = (...args: readonly string[]) =>
  execFileSync("docker", args, { stdio: "ignore", env: { ...process.env, DOCKER_BUILDKIT: "0" } });

/** Loads the recipe's own base for both builders, and opens a new cache, which holds no layer of an earlier run. */
async function loadBase(scratch: string): Promise<{ readonly base: BaseImage; readonly cache: BlobCache }> {
  const cache = await BlobCache.open(join(scratch, "layers"));
  const shared = await BlobCache.open(join(cacheFolder(process.env), "layers"));
  const { base } = await embeddedBase({
    ...access,
    baseImage: null,
    platform: "linux/amd64",
    baseVariant: "cpu",
    gpuArchitectures: [],
    leftOut: [],
    findIndex: indexFinder(process.env, neverStopped()),
    lockFile: null,
    cache: shared,
    cacheFolder: cacheFolder(process.env),
  });
  const path = join(scratch, "base.tar");
  const image = await assembleImage({
    plan: { ...emptyPlan, imageName: baseName },
    base,
    cache,
    time: layerFileTime,
    signal: neverStopped(),
  });
  await writeDockerArchive({ image, path, progress: silentProgress, signal: neverStopped() });
  docker("load", "-q", "-i", path);
  return { base, cache };
}

const emptyPlan: ImagePlan = {
  imageName: "bench:1",
  base: { kind: "image", imageName: baseName },
  platform: "linux/amd64",
  layers: [],
  env: {},
  labels: {},
  user: "1000:1000",
  workingDir: "/",
  entrypoint: ["/usr/local/bin/node", "/opt/nnunet-processor/processor/runtime/main.js"],
  command: [],
};

interface Versions {
  readonly code: number;
  /** The version of the last fold's weights. */
  readonly weights: number;
}

async function plan(scratch: string, { code, weights }: Versions): Promise<ImagePlan> {
  const layers = [];
  for (let fold = 0; fold < folds; fold++) {
    const version = fold === folds - 1 ? weights : 1;
    const file = join(scratch, `fold_${fold}-${version}.weights`);
    if (!existsSync(file)) writeWeights(file, `${fold} ${version}`);
    layers.push({
      name: `fold_${fold}`,
      entries: [layerFile(`opt/nnunet-processor/model/fold_${fold}.weights`, { file })],
    });
  }
  const version = layerFile("opt/nnunet-processor/code.txt", { text: `${code}\n` });
  return {
    ...emptyPlan,
    layers: [...layers, { name: "processor", entries: [...(await listProcessorFiles()), version] }],
  };
}

/** Writes values that compress as badly as trained weights: float32 in (-1, 1) with random mantissas. */
function writeWeights(file: string, seed: string): void {
  const bytes = Buffer.alloc(foldBytes);
  const block = Buffer.alloc(1 << 20);
  for (let at = 0; at < block.length; at += 64)
    createHash("sha512").update(`${seed} ${at}`).digest().copy(block, at);
  for (let at = 0; at < foldBytes; at += block.length) {
    block.writeUInt32LE(at, 0);
    block.copy(bytes, at);
  }
  for (let at = 3; at < foldBytes; at += 4) bytes[at] = 0x3c | (bytes[at]! & 0x81);
  writeFileSync(file, bytes);
}

type Moments = Readonly<Record<"start" | "made" | "archived" | "pushed", number>>;

/** Returns the seconds between moments, which are milliseconds of the same clock. */
const secondsOf = ({ start, made, archived, pushed }: Moments) => ({
  imageSeconds: (made - start) / 1000,
  archiveSeconds: (archived - made) / 1000,
  pushSeconds: (pushed - archived) / 1000,
});
