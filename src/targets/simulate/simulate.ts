import { readdir, rm } from "node:fs/promises";
import { basename, join, relative, sep } from "node:path";
import { ProcessorError } from "../../../processor/contract/errors.js";
import type { Progress } from "../../../processor/contract/progress/progress.js";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import type { TargetKind } from "../../../processor/contract/target.js";
import { isFile } from "../../../processor/files/exists.js";
import { makeTemporaryFolder } from "../../../processor/files/temporary-folder.js";
import { splitImageEnding } from "../../../processor/imaging/formats/image-ending.js";
import { connectEngine } from "../../docker/engine.js";
import { Sandbox } from "../../docker/sandbox/sandbox.js";
import { builderError } from "../../ground/errors/builder-errors.js";
import type { Finding } from "../../ground/finding.js";
import { departuresFromNnunet } from "../../image/run-labels.js";
import { isImageFile } from "../../oci/image-file.js";
import { platformOf, targetKindFromLabels } from "../targets.js";
import { openImage } from "./open-image.js";
import type { PhaseResult } from "./phase-result.js";
import type { KnownCase, Trial } from "./simulation.js";
import { withProgress } from "./trial.js";
import { findTrialCases, type TrialCase } from "./trial-cases.js";

export interface SimulateOptions {
  /** The image's name, or the path of an archive as `docker save` writes it. */
  readonly image: string;
  /** Null for the target that the image was built for. */
  readonly target: TargetKind | null;
  /** The folder of cases; see `findTrialCases`. */
  readonly input: string;
  /** The folder of correct segmentations; null if there is none. */
  readonly expect: string | null;
  /** grand-challenge: the input sockets, channel by channel, for images that are in one folder. */
  readonly sockets: readonly string[];
  /** grand-challenge: the model's tarball; null if the model is in the image. */
  readonly modelTarball: string | null;
  /** Null for the platform's own limit. */
  readonly memoryBytes: number | null;
  readonly timeoutSeconds: number;
  readonly minDice: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

export interface SimulationReport {
  readonly image: string;
  readonly imageId: string;
  readonly target: TargetKind;
  /** For people: `Docker 28.2.2 at unix:///var/run/docker.sock`. */
  readonly engine: string;
  readonly memoryBytes: number;
  readonly peakMemoryBytes: number | null;
  /** True if no check failed. */
  readonly isAccepted: boolean;
  /** The results of the checks of the image itself. */
  readonly findings: readonly Finding[];
  /** The phases in the order in which they ran. */
  readonly phases: readonly PhaseResult[];
}

/**
 * Runs an image on this machine as a platform does, and checks its output. An archive is loaded for it and
 * unloaded afterwards; nothing is left in the engine.
 *
 * @throws ENGINE_MISSING, INPUT_NOT_FOUND, IMAGE_FILE_INVALID, USAGE
 */
export async function simulate(options: SimulateOptions): Promise<SimulationReport> {
  const { environment, progress, modelTarball, signal } = options;
  if (modelTarball !== null && !(await isFile(modelTarball)))
    throw sharedError("INPUT_NOT_FOUND", `${modelTarball} can't be read`);
  const cases = await withExpected(await findTrialCases(options.input), options.expect);
  const engine = await connectEngine(environment, signal).catch((error: unknown) => {
    throw refusal(error);
  });
  const open = { engine, image: options.image, signal };
  const isArchive = await isImageFile(options.image);
  const opened = isArchive
    ? await withProgress(options, `loading ${basename(options.image)} into Docker`, () => openImage(open))
    : await openImage(open);
  const sandbox = new Sandbox(engine, options.image);
  const scratch = await makeTemporaryFolder("simulate", null);
  const target = options.target ?? targetKindFromLabels(opened.imageLabels);
  const { simulation } = platformOf(target);
  const memoryBytes = options.memoryBytes ?? simulation.memoryBytes;
  try {
    const modelVolume =
      modelTarball === null ? null : await sandbox.createVolume(opened.reference, modelTarball);
    const trial: Omit<Trial, "reference"> = {
      sandbox,
      simulation,
      memoryBytes,
      scratch,
      modelVolume,
      labels: opened.labels,
      timeoutSeconds: options.timeoutSeconds,
      minDice: options.minDice,
      departures: departuresFromNnunet(opened.imageLabels),
      progress,
      signal,
    };
    const { findings, phases } = await simulation.run({
      trial,
      image: opened,
      cases,
      sockets: options.sockets,
    });
    const peaks = phases.flatMap(({ peakMemoryBytes }) => peakMemoryBytes ?? []);
    return {
      image: options.image,
      imageId: opened.imageId,
      target,
      engine: engine.description,
      memoryBytes,
      peakMemoryBytes: peaks.length === 0 ? null : Math.max(...peaks),
      isAccepted: [findings, ...phases.map((phase) => phase.findings)]
        .flat()
        .every(({ result }) => result !== "fail"),
      findings,
      phases,
    };
  } finally {
    await sandbox.remove().finally(() => opened.close());
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Explains a missing engine: without one, nothing can be run and no result is reported. */
function refusal(error: unknown): unknown {
  if (!(error instanceof ProcessorError) || error.code !== "ENGINE_MISSING") return error;
  const message = `${error.message}; simulate runs the image, which needs one (\`preflight\` on an archive needs none)`;
  return builderError("ENGINE_MISSING", message, { cause: error });
}

/**
 * Finds each case's right segmentation: an image of its name, or in a folder of its name, or the only one for the only
 * case.
 *
 * @throws INPUT_NOT_FOUND when a case has none
 */
async function withExpected(
  cases: readonly TrialCase[],
  folder: string | null,
): Promise<readonly KnownCase[]> {
  if (folder === null) return cases.map((one) => ({ ...one, expected: null }));
  const files = await readdir(folder, { recursive: true, withFileTypes: true }).catch((cause: unknown) => {
    throw sharedError("INPUT_NOT_FOUND", `${folder} is not a folder that can be read`, { cause });
  });
  const images = files
    .filter((entry) => !entry.isDirectory() && splitImageEnding(entry.name) !== null)
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
  return cases.map((one) => {
    const found = images.filter((path) => path.split(sep).some((part) => isNameOf(part, one.name)));
    const expected = found.length === 0 && cases.length === 1 ? images : found;
    if (expected.length === 1) return { ...one, expected: join(folder, expected[0]!) };
    throw sharedError(
      "INPUT_NOT_FOUND",
      `${folder} has ${expected.length === 0 ? "no segmentation" : `${expected.length} segmentations`} of case ${one.name}`,
    );
  });
}

const isNameOf = (part: string, name: string): boolean =>
  part === name || splitImageEnding(part)?.stem.replace(/_\d{4}$/, "") === name;
