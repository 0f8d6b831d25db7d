import { chmodSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { silentProgress } from "../../processor/contract/progress/progress.js";
import { readTar } from "../../processor/files/tar/read-tar.js";
import { indexFinder } from "../../src/base-image/python-index.js";
import { type RecipeBaseOptions, recipeBase } from "../../src/base-image/recipe-base.js";
import { buildBaseImage } from "../../src/build/build-base-image.js";
import { builderError } from "../../src/ground/errors/builder-errors.js";
import { cacheFolder } from "../../src/model-source/cache-folder.js";
import type { BaseImage } from "../../src/oci/base-image.js";
import { BlobCache } from "../../src/oci/blob-cache.js";
import { gunzipped } from "../../src/oci/gunzipped.js";
import { asBase } from "../../src/oci/open-oci-layout.js";
import { describeWithEngine, removeImage, testEngine } from "../support/docker/docker.js";
import { goldenPath, repositoryRoot } from "../support/golden.js";
import { describeWith, needs, testWith } from "../support/needs.js";
import { neverStopped } from "../support/never-stopped.js";
import { assemble, scratchFolder, smallRootFileSystem } from "../support/oci/oci-scratch.js";
import { testPlan } from "../support/oci/test-plan.js";
import { readPartsTable } from "../support/parts-table.js";
import { outputOf } from "../support/program-on-path.js";
import { runProgram } from "../support/programs/run-program.js";

const timeout = 600_000;
const model = goldenPath("v2", "blobs_3d_fullres", "model");
const noRegistry = () => Promise.reject(builderError("REGISTRY_FAILED", "no network"));

const makeBase = async (folder: string, pull: RecipeBaseOptions["pull"], cache = cacheFolder(process.env)) =>
  recipeBase({
    variant: "cpu",
    platform: "linux/amd64",
    gpuArchitectures: [],
    leftOut: [],
    findIndex: indexFinder(process.env, neverStopped()),
    cache: await BlobCache.open(folder),
    cacheFolder: cache,
    debianDigest: null,
    pull,
    progress: silentProgress,
    signal: neverStopped(),
  });

async function smallDebian(scratch: string): Promise<BaseImage> {
  const archive = await smallRootFileSystem(scratch);
  const plan = testPlan({ base: { kind: "root-file-system", archive }, env: { FROM_DEBIAN: "yes" } });
  return await asBase(await assemble(plan, join(scratch, "debian")));
}

describe("the base that is made without an engine", () => {
  test("starts from Debian's image if a registry has it, and downloads it only once", {
    timeout,
  }, async () => {
    const scratch = scratchFolder();
    const debian = await smallDebian(scratch);
    const asked: string[] = [];
    const pull = (imageName: string) => {
      asked.push(imageName);
      return Promise.resolve({ ...debian, digest: `sha256:${"d".repeat(64)}` });
    };
    const first = await makeBase(join(scratch, "cache"), pull);
    const second = await makeBase(join(scratch, "cache"), pull);
    expect(asked).toEqual(["debian:trixie-slim"]);
    expect(second.manifestDigest).toBe(first.manifestDigest);
    expect(first.config?.config?.Env).toContain("FROM_DEBIAN=yes");
    expect(first.layers.slice(0, debian.layers.length).map(({ diffId }) => diffId)).toEqual(
      debian.layers.map(({ diffId }) => diffId),
    );
    expect(new Set(first.layers.map(({ diffId }) => diffId)).size).toBe(first.layers.length);
  });

  test("says how to get Debian if no registry has it and apt is missing", async () => {
    vi.stubEnv("PATH", "/nowhere");
    onTestFinished(() => void vi.unstubAllEnvs());
    await expect(makeBase(scratchFolder(), noRegistry, scratchFolder())).rejects.toMatchObject({
      code: "TOOL_MISSING",
      message: expect.stringMatching(/apt-get was not found.*Debian and Ubuntu.*--base-image/),
    });
  });
});

testWith(
  [needs.apt, needs.dpkg],
  "without an engine --export builds an image all the same, the second time from the cache alone",
  { timeout },
  async () => {
    const cwd = scratchFolder();
    const environment = {
      DOCKER_HOST: "tcp://127.0.0.1:9",
      XDG_CACHE_HOME: join(cwd, "cache"),
    };
    const flags = ["--model-dir", model, "--export", "--json", "--tag"];
    const first = await runProgram([...flags, "team/blobs:1"], { cwd, environment });
    expect(first.exitCode, first.err).toBe(0);
    expect(first.err).toContain("without Docker");
    const second = await runProgram([...flags, "other.example.org/team/blobs:1", "--build-dir", "b"], {
      cwd: scratchFolder(),
      environment: { ...environment, PATH: "/nowhere" }, // no apt, no npm
    });
    expect(second.exitCode, second.err).toBe(0);
  },
);

describeWithEngine("an image that no engine built on its own base", () => {
  testWith(
    [needs.apt, needs.dpkg],
    "has the files, owners, modes and settings of the one that Docker builds",
    { timeout },
    async () => {
      const cwd = scratchFolder();
      const environment = { SOURCE_DATE_EPOCH: "1700000000" };
      const names = {
        docker: "nnunet-processor-parity/docker:1",
        embedded: "nnunet-processor-parity/embedded:1",
      };
      onTestFinished(() => removeImage(names.docker));
      onTestFinished(() => removeImage(names.embedded));
      // The image is built by today's code: the engine may have one of an older compilation under the recipe's name.
      const base = "nnunet-processor-parity/base:1";
      onTestFinished(() => removeImage(base));
      await buildBaseImage({
        engine: testEngine(),
        variant: "cpu",
        gpuArchitectures: [],
        leftOut: [],
        wheelFolder: null,
        findIndex: indexFinder(process.env, neverStopped()),
        debianRoot: "auto",
        imageName: base,
        cacheFolder: cacheFolder(process.env),
        progress: silentProgress,
        signal: neverStopped(),
      });
      const flags = ["--model-dir", model, "--tag"];
      const builds = [
        [...flags, names.docker, "--base-image", base, "--builder", "docker"],
        [...flags, names.embedded, "--builder", "embedded", "--export", "--build-dir", "other"],
      ];
      for (const build of builds) {
        const run = await runProgram(build, { cwd, environment });
        expect(run.exitCode, run.err).toBe(0);
      }
      await outputOf("docker", "load", "-q", "-i", join(cwd, "nnunet-processor-parity-embedded-1.tar.gz"));
      expect(await filesOf(names.embedded)).toEqual(await filesOf(names.docker));
      expect(await settingsOf(names.embedded)).toEqual(await settingsOf(names.docker));
    },
  );
});

/** A file by which a layer is known. */
const parts: Readonly<Record<string, RegExp>> = {
  debian: /^etc\/debian_version$/,
  openvino: /^opt\/nnunet-processor\/openvino\//,
  node: /^usr\/local\/bin\/node$/,
  libraries: /\/node_modules\/onnxruntime-node\//,
};

test("the parts of the CPU image are not larger than the table in docs/reference/performance.md says", {
  timeout,
}, async () => {
  const base = await makeBase(join(scratchFolder(), "cache"), noRegistry);
  const rows = readPartsTable();
  const sums = { compressed: 0, unpacked: 0 };
  for (const layer of base.layers) {
    const paths: string[] = [];
    let bytes = 0;
    for await (const entry of readTar(
      counted(gunzipped(Readable.from(layer.open())), (length) => (bytes += length)),
    )) {
      paths.push(entry.path);
      for await (const _ of entry.bytes);
    }
    const [part] = Object.entries(parts).find(([, file]) => paths.some((path) => file.test(path))) ?? [
      "root",
    ];
    const size = { compressed: layer.descriptor.size / 1e6, unpacked: bytes / 1e6 };
    sums.compressed += size.compressed;
    sums.unpacked += size.unpacked;
    if (part === "root") continue;
    expect(rows.get(part), part).toBeDefined();
    // Debian's updates and other levels of zlib change some bytes.
    expect(size.compressed, part).toBeLessThanOrEqual(rows.get(part)!.compressed * 1.05);
    expect(size.unpacked, part).toBeLessThanOrEqual(rows.get(part)!.unpacked * 1.05);
    rows.delete(part);
  }
  // Layers above the base, which test/src/image/parts-table.test.ts holds.
  expect([...rows.keys()]).toEqual(["dicom", "service", "page", "processor"]);
  expect(sums.compressed).toBeLessThanOrEqual(100);
  expect(sums.unpacked).toBeLessThanOrEqual(330);
});

async function* counted(chunks: AsyncIterable<Uint8Array>, onBytes: (bytes: number) => void) {
  for await (const chunk of chunks) {
    onBytes(chunk.length);
    yield chunk;
  }
}

/** Returns kind, mode, owner, size or link target, and path of every file, except those that the engine adds. */
async function filesOf(imageName: string): Promise<string[]> {
  const container = (await outputOf("docker", "create", imageName)).trim();
  try {
    const script = `docker export ${container} | tar -tv --numeric-owner`;
    const lines = (await outputOf("sh", "-c", script)).trim().split("\n");
    return lines
      .map((line) => line.replace(/ \d{4}-\d\d-\d\d \d\d:\d\d /, " "))
      .filter(
        (line) => !/ (\.dockerenv$|dev\/|etc\/(hosts|hostname|resolv\.conf|mtab)|proc\/|sys\/)/.test(line),
      )
      .toSorted();
  } finally {
    await outputOf("docker", "rm", container);
  }
}

async function settingsOf(imageName: string): Promise<unknown> {
  const [image] = JSON.parse(await outputOf("docker", "inspect", imageName)) as [
    { readonly Config: Readonly<Record<string, unknown>> & { readonly Labels: Record<string, string> } },
  ];
  const { User, WorkingDir, Entrypoint, Cmd, Env, Labels } = image.Config;
  const labels = Object.entries(Labels).filter(
    ([name]) => !name.startsWith("org.opencontainers.image.base."),
  );
  return { User, WorkingDir, Entrypoint, Cmd: Cmd ?? [], Env, labels: Object.fromEntries(labels) };
}

describeWith([needs.root, needs.setpriv, needs.apt], "Debian's packages", () => {
  test("are byte for byte the same whether root unpacks them or not", { timeout }, async () => {
    const folder = scratchFolder();
    chmodSync(folder, 0o777);
    const dist = join(repositoryRoot, "dist");
    const program = (name: string) => `
      const { mkdirSync } = await import("node:fs");
      mkdirSync("${folder}/${name}");
      const { readRecipe } = await import("${dist}/src/base-image/recipe.js");
      const { writeDebianRoot } = await import("${dist}/src/base-image/debian-root.js");
      const { silentProgress: progress } = await import("${dist}/processor/contract/progress/progress.js");
      await writeDebianRoot(await readRecipe(), "${folder}/${name}/debian.tar", { progress, signal: new AbortController().signal });`;
    const node = (archive: string) =>
      [process.execPath, "--input-type=module", "-e", program(archive)] as const;
    const [command, ...args] = node("root");
    await outputOf(command, ...args);
    const nobody = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    await outputOf("setpriv", ...nobody, "env", `HOME=${folder}`, ...node("nobody"));
    const digests = (await outputOf("sha256sum", `${folder}/root/debian.tar`, `${folder}/nobody/debian.tar`))
      .trim()
      .split("\n")
      .map((line) => line.split(" ")[0]);
    expect(digests[1]).toBe(digests[0]);
  });
});
