/**
 * Packs everything that a GPU machine without a network needs to run `gpu-bench` into pieces: the processor, Node, the
 * CUDA execution provider, golden cases, and nnU-Net for comparison. The README.md in this folder says how to use them.
 *
 * usage: node dist/test/bench/gpu-kit/pack-kit.js OUT_FOLDER [--arch 90] [--python 3.12] [--cuda 13] [--rehearse]
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { createLineProgress } from "../../../processor/contract/progress/line-progress.js";
import { copyWithDeviceCode } from "../../../src/base-image/device-code.js";
import { indexFinder } from "../../../src/base-image/python-index.js";
import { readRecipe } from "../../../src/base-image/recipe.js";
import { chooseVariant, cudaMajors, readVersions } from "../../../src/base-image/variants.js";
import { wheelLayers } from "../../../src/base-image/wheel-layers.js";
import { cacheFolder } from "../../../src/model-source/cache-folder.js";
import { repositoryRoot } from "../../support/golden.js";
import { neverStopped } from "../../support/never-stopped.js";
import { goldenCases } from "../gpu-golden.js";

const runtimeLibraries = join("node_modules", "onnxruntime-node", "bin", "napi-v6");

/** The packages that nnU-Net's prediction imports, except torch and the scientific ones, which the GPU machine has. */
const peerPackages = [
  ...["nnunetv2==2.8.1", "batchgenerators", "batchgeneratorsv2", "dynamic-network-architectures<0.5,>=0.4.4"],
  ...["connected-components-3d", "graphviz", "yacs", "fft-conv-pytorch", "future", "ndindex", "numexpr"],
  ...["pydantic", "annotated-types", "typing-inspection", "nibabel", "blosc2", "SimpleITK"],
] as const;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    arch: { type: "string", default: "90" },
    python: { type: "string", default: "3.12" },
    cuda: { type: "string" },
    "piece-megabytes": { type: "string", default: "50" },
    rehearse: { type: "boolean", default: false },
  },
});
const [outFolder] = positionals;
if (outFolder === undefined) throw new Error("usage: pack-kit.js OUT_FOLDER [--arch 90] [--python 3.12]");
const cuda = cudaMajors.find((major) => major === values.cuda) ?? readVersions().defaultCuda;

const scratch = mkdtempSync(join(tmpdir(), "gpu-kit-"));
try {
  const kit = join(scratch, "kit");
  packProgram(kit);
  packGolden(kit);
  if (!values.rehearse) {
    await packProvider(kit);
    packPeer(kit);
  }
  packPieces(resolve(outFolder));
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

/** Packs the compiled program, this Node, and the npm packages that the program needs on Linux. */
function packProgram(kit: string): void {
  const listed = run("npm", ["ls", "--omit=dev", "--all", "--parseable"]).trim().split("\n").slice(1);
  const packages = listed.map((path) => relative(repositoryRoot, path));
  const parts = [
    ...["package.json", "config.schema.json", "templates", "base-image", join("test", "bench", "peer")],
    ...["processor", "src", "build_processor.js", join("test", "bench"), join("test", "support")].map(
      (part) => join("dist", part),
    ),
    ...packages,
  ];
  const otherSystems = ["win32", "darwin", join("linux", process.arch === "x64" ? "arm64" : "x64")].map(
    (system) => join(runtimeLibraries, system),
  );
  for (const part of parts)
    cpSync(join(repositoryRoot, part), join(kit, part), {
      recursive: true,
      filter: (path) => !otherSystems.includes(relative(repositoryRoot, path)),
    });
  mkdirSync(join(kit, "bin"));
  copyFileSync(process.execPath, join(kit, "bin", "node"));
}

function packGolden(kit: string): void {
  for (const { name } of goldenCases) {
    const golden = join("test", "golden", "v2", name);
    cpSync(join(repositoryRoot, golden), join(kit, golden), {
      recursive: true,
      filter: (path) => !path.endsWith(".npy.gz"),
    });
  }
}

/** Copies the CUDA provider next to ONNX Runtime's library, with the device code of one architecture. */
async function packProvider(kit: string): Promise<void> {
  const { wheels } = await readRecipe(chooseVariant("cuda", cuda));
  const progress = createLineProgress({ write: (line) => console.log(line), now: () => performance.now() });
  const layers = await wheelLayers(
    wheels.filter(({ name }) => name === "onnxruntime-gpu"),
    {
      cacheFolder: cacheFolder(process.env),
      wheelFolder: null,
      findIndex: indexFinder(process.env, neverStopped()),
      progress,
      signal: neverStopped(),
    },
  );
  for (const entry of layers.flatMap(({ entries }) => entries)) {
    if (entry.kind !== "file" || !("file" in entry.source) || !entry.path.includes(runtimeLibraries))
      continue;
    const target = join(kit, entry.path.slice(entry.path.indexOf(runtimeLibraries)));
    if (!entry.path.endsWith("_cuda.so")) copyFileSync(entry.source.file, target);
    else
      console.log(
        "device code, bytes:",
        copyWithDeviceCode(entry.source.file, target, {
          capabilities: [(Number(values.arch) / 10).toFixed(1)],
          dropped: [],
        }),
      );
  }
}

function packPeer(kit: string): void {
  const wheels = join(kit, "wheels");
  mkdirSync(wheels);
  const glibc = ["2_28", "2_27", "2_24", "2_17"].flatMap((version) => [
    ...["--platform", `manylinux_${version}_x86_64`],
  ]);
  const download = (...packages: readonly string[]) =>
    run("python3", [
      ...["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest", wheels],
      ...["--python-version", values.python, "--implementation", "cp", ...glibc],
      ...["--platform", "manylinux2014_x86_64", ...packages],
    ]);
  download(...peerPackages);
  const pydantic = readdirSync(wheels).find((file) => file.startsWith("pydantic-"));
  const metadata = run("unzip", ["-p", join(wheels, pydantic!), "*/METADATA"]);
  download(/pydantic-core==[0-9.]+/.exec(metadata)![0]);
  // PyPI has only the source of this package.
  run("python3", [
    ...["-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", wheels, "acvl-utils<0.3,>=0.2.6"],
  ]);
}

function packPieces(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const level = values.rehearse ? "-0" : "-6";
  const pieces = join(folder, "kit.tar.xz.");
  const pack = `tar -c -C "$1" kit | xz -T0 ${level} | split -b "$2"MB -d -a 3 - "$3"`;
  run("bash", ["-c", `set -o pipefail; ${pack}`, "bash", scratch, values["piece-megabytes"], pieces]);
  copyFileSync(join(repositoryRoot, "test", "bench", "gpu-kit", "setup.sh"), join(folder, "setup.sh"));
  for (const file of readdirSync(folder)) {
    const megabytes = statSync(join(folder, file)).size / 1e6;
    console.log(`${megabytes.toFixed(1).padStart(8)} MB  ${join(folder, file)}`);
  }
}

function run(command: string, args: readonly string[]): string {
  return execFileSync(command, args, {
    ...{ cwd: repositoryRoot, encoding: "utf8", maxBuffer: 1 << 26 },
    stdio: ["ignore", "pipe", "inherit"],
  });
}
