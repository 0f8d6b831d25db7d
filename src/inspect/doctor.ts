import { mkdtemp, rm, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ProcessorError } from "../../processor/contract/errors.js";
import type { Device } from "../../processor/contract/run-settings.js";
import { libdeflate } from "../../processor/files/libdeflate.js";
import { makeFolder } from "../../processor/files/make-folder.js";
import { findGpuProblem } from "../../processor/runtime/inference/cuda-check.js";
import { type GpuFacts, readGpuFacts } from "../../processor/runtime/inference/gpu-facts.js";
import { onnxRuntimeVersion } from "../../processor/runtime/inference/onnx-runtime.js";
import { type CudaMajor, chooseVariant, readVersions } from "../base-image/variants.js";
import { connectEngine, type Engine } from "../docker/engine.js";
import { offersGpus } from "../docker/gpus.js";
import { builderRemedy } from "../ground/errors/catalogue.js";
import { type Finding, fail, notChecked, pass, warning } from "../ground/finding.js";
import { listInferenceEngines } from "./inference-engines.js";
import { taskWeightsFinding } from "./task-weights-finding.js";

export interface DoctorOptions {
  /** The device for the images. With `cuda`, a missing GPU is a failure. */
  readonly device: Device;
  readonly cuda: CudaMajor | null;
  /** Null for a user without a home folder. */
  readonly cacheFolder: string | null;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

export interface DoctorReport {
  /** True if no check failed. */
  readonly isFit: boolean;
  readonly findings: readonly Finding[];
}

/**
 * Checks everything that a build and a run need from this machine. Each finding that is not passed has a
 * remedy.
 */
export async function examineMachine(options: DoctorOptions): Promise<DoctorReport> {
  const engine = await connectEngine(options.environment, options.signal).catch((error: unknown) => {
    options.signal.throwIfAborted();
    if (error instanceof ProcessorError) return error;
    throw error;
  });
  const findings = [
    nodeFinding(),
    await onnxRuntimeFinding(),
    ...(await openvinoFinding(options)),
    libdeflateFinding(),
    engineFinding(engine),
    await spaceFinding({
      what: "cache",
      variable: "XDG_CACHE_HOME",
      folder: options.cacheFolder,
      neededBytes: baseBytes[chooseVariant(options.device, options.cuda)],
    }),
    await spaceFinding({ what: "temporary", variable: "TMPDIR", folder: tmpdir(), neededBytes: 2 ** 30 }),
    await taskWeightsFinding(options.environment),
    gpuFinding(await readGpuFacts({ environment: options.environment }), options),
    ...(options.device === "cuda" ? [await gpuEngineFinding(engine)] : []),
  ];
  return { isFit: findings.every(({ result }) => result !== "fail"), findings };
}

const nodeFinding = (): Finding => pass("Node", `${process.versions.node} on ${process.platform}`);

async function onnxRuntimeFinding(): Promise<Finding> {
  try {
    return pass("ONNX Runtime", await onnxRuntimeVersion());
  } catch (error) {
    return fail(
      "ONNX Runtime",
      `does not load: ${error instanceof Error ? error.message : String(error)}`,
      "install the packages again with `npm ci` on Linux with glibc, macOS or Windows",
    );
  }
}

/** Nothing where OpenVINO has no libraries for the machine: ONNX Runtime is enough. */
async function openvinoFinding(options: DoctorOptions): Promise<readonly Finding[]> {
  const engines = await listInferenceEngines(options).catch(() => []);
  const { version, isInstalled } = engines.find(({ engine }) => engine === "openvino") ?? { version: null };
  if (version === null) return [];
  const check = "OpenVINO";
  return [
    isInstalled
      ? pass(check, version)
      : notChecked(
          check,
          "not installed; `build_processor inference-engines install` gets it, and predict on CPUs is then often faster",
        ),
  ];
}

function libdeflateFinding(): Finding {
  const check = "libdeflate";
  return libdeflate() !== null
    ? pass(check, "reads .nii.gz files that inflate to at most 256 MiB")
    : notChecked(
        check,
        "not on this system; `apt-get install libdeflate0` (macOS: `brew install libdeflate`) reads .nii.gz files in two thirds of the time",
      );
}

function engineFinding(engine: Engine | ProcessorError): Finding {
  if (!(engine instanceof ProcessorError)) return pass("container engine", engine.description);
  // `predict` and `--builder embedded` do not need an engine.
  return warning("container engine", engine.message, builderRemedy(engine));
}

/** Space for the wheels, the files unpacked from them, and npm's packages. */
const baseBytes = { cpu: 2 ** 29, cuda12: 4 * 2 ** 30, cuda13: 3 * 2 ** 30 } as const;

interface NeededSpace {
  readonly what: string;
  readonly folder: string | null;
  /** Environment variable that sets a different folder. */
  readonly variable: string;
  readonly neededBytes: number;
}

async function spaceFinding({ what, folder, variable, neededBytes }: NeededSpace): Promise<Finding> {
  const check = `space (${what})`;
  if (folder === null)
    return fail(check, "this user has no home folder to keep it in", `set ${variable}, or HOME`);
  try {
    await makeFolder(folder);
    await rm(await mkdtemp(join(folder, "doctor-")), { recursive: true });
    const { bavail, bsize } = await statfs(folder);
    const free = bavail * bsize;
    const reason = `${gib(free)} free in ${folder}`;
    if (free >= neededBytes) return pass(check, reason);
    return warning(check, reason, `free some space: up to ${gib(neededBytes)} are needed`);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return fail(
      check,
      reason,
      `make ${folder} a folder that this user may write to, or name another with ${variable}`,
    );
  }
}

const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;

function gpuFinding(facts: GpuFacts, { device, cuda }: DoctorOptions): Finding {
  const check = "GPU";
  const variant = chooseVariant("cuda", cuda);
  const problem = findGpuProblem(facts, {
    requirements: readVersions().variants[variant].cuda,
    memoryBytes: 0,
  });
  if (problem === null) return pass(check, `${described(facts)}; fits base image ${variant}`);
  const [reason = "", ...remedy] = problem.message.split(/: (?=[a-z])/);
  return device === "cuda" ? fail(check, reason, remedy.join(": ")) : notChecked(check, reason);
}

function described({ kernelDriver, gpus }: GpuFacts): string {
  const names = gpus?.map(({ name, computeCapability }) => `${name} (${computeCapability})`) ?? ["a GPU"];
  return `${names.join(", ")}, driver ${kernelDriver ?? gpus?.[0]?.driver ?? "unknown"}`;
}

/** Checks whether containers can use the GPU: the toolkit adds a runtime, or devices described by CDI. */
async function gpuEngineFinding(engine: Engine | ProcessorError): Promise<Finding> {
  const check = "GPU in containers";
  if (engine instanceof ProcessorError) return notChecked(check, "no engine answers");
  if (await offersGpus(engine)) return pass(check, "the engine has NVIDIA's runtime");
  return fail(
    check,
    "the engine has no NVIDIA runtime and no NVIDIA device",
    "install the NVIDIA container toolkit, then `sudo nvidia-ctk runtime configure` and restart Docker",
  );
}
