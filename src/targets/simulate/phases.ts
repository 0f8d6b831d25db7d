import { symlink } from "node:fs/promises";
import { basename, join } from "node:path";
import { foreignLabels, processorLabels } from "../../../processor/contract/labels.js";
import { places } from "../../../processor/contract/places.js";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { splitImageEnding } from "../../../processor/imaging/formats/image-ending.js";
import { type Finding, notChecked, pass, warning } from "../../findings/finding.js";
import { processorEntrypoint } from "../../image/processor-files.js";
import { checkApiMethod, checkArchitecture, checkTeamName, checkUser } from "../image-checks.js";
import type { Target } from "../platform.js";
import { runInvocations } from "./invoke-trial.js";
import type { ExpectedOutput } from "./lint-output.js";
import type { OpenedImage } from "./open-image.js";
import type { PhaseResult } from "./phase-result.js";
import { type Run, runAndStop, runToEnd, type Trial } from "./trial.js";
import { layOutSockets, linkAll, type Spelling, type TrialCase } from "./trial-cases.js";

/** A case with what should become of it. */
export type KnownCase = TrialCase & ExpectedOutput;

export interface PhasesOptions {
  readonly target: Target;
  readonly trial: Omit<Trial, "reference">;
  readonly image: OpenedImage;
  readonly cases: readonly KnownCase[];
  readonly sockets: readonly string[];
}

export interface Phases {
  readonly findings: readonly Finding[];
  readonly phases: readonly PhaseResult[];
}

/** What each platform does with an image, from the first look to the last signal. */
export const runPhases = (options: PhasesOptions): Promise<Phases> => runners[options.target](options);

const runners: Readonly<Record<Target, (options: PhasesOptions) => Promise<Phases>>> = {
  "grand-challenge": runGrandChallenge,
  amos22: runAmos22,
  sol: runFolder,
  plain: runFolder,
};

/** /input is a link on the platform: what resolves paths too eagerly fails there. */
const linkedInput = "/opt/ml/input/data/simulated";

async function runGrandChallenge(options: PhasesOptions): Promise<Phases> {
  const { trial: unlinked, image, cases, sockets } = options;
  const { sandbox } = unlinked;
  const reference = await sandbox.withLinks(image.reference, { "/input": linkedInput });
  const trial: Trial = { ...unlinked, reference };
  const label = image.imageLabels[foreignLabels.apiMethod];
  const slugs = sockets.length > 0 ? sockets : await slugsOf(unlinked, image, cases[0]!);
  const isOurs = image.entrypoint.join(" ") === processorEntrypoint.join(" ");
  const runOf = (phase: string, trialCase: KnownCase, spelling: Spelling): Run => ({
    phase,
    cases: [trialCase],
    layOut: (folder) => layOutSockets({ trialCase, folder, slugs, spelling }),
    ...{ inputTarget: linkedInput, outputTarget: "/output", user: null, command: null },
  });
  const [first, second = first] = cases;
  const findings = [
    checkUser(image.user),
    checkArchitecture(image.architecture),
    checkApiMethod(label),
    label === "invoke" ? checkCases(cases) : null,
    noGpu,
  ].filter((finding) => finding !== null);
  const phases: PhaseResult[] = [];
  // An image of ours does both, whichever it is labelled with.
  if (isOurs || label !== "invoke") {
    const command = isOurs && label !== undefined ? ["exec"] : null;
    phases.push(await runToEnd(trial, { ...runOf("exec", first!, "socket"), command }));
    if (hasRun(phases))
      phases.push(await runAndStop(trial, { ...runOf("exec-stop", second!, "interface"), command }));
  }
  if (label === "invoke") {
    const runs = [runOf("invoke-1", first!, "socket"), runOf("invoke-2", second!, "interface")];
    phases.push(...(await runInvocations(trial, runs)));
  }
  return { findings, phases };
}

/** A process that ends by itself at once can't show how it takes SIGTERM. */
const hasRun = (phases: readonly PhaseResult[]): boolean =>
  phases.every(({ findings }) => findings.some(({ check, result }) => check === "exit" && result === "pass"));

const noGpu = notChecked("gpu", "this run had no GPU");

const checkCases = (cases: readonly KnownCase[]): Finding =>
  cases.length > 1
    ? pass("cases", `${cases.length} cases; two of them are given to one process`)
    : warning(
        "cases",
        "the input has one case, which is given twice",
        "Give a folder with two cases of different size: what one leaves behind shows in the other.",
      );

/** The input sockets that the image was built for, in the order of its channels; any name will do for one channel. */
async function slugsOf(
  { sandbox }: Pick<Trial, "sandbox">,
  { reference, imageLabels }: OpenedImage,
  { images }: TrialCase,
): Promise<readonly string[]> {
  const channels = parsed(imageLabels[processorLabels.channels]);
  const { target } = (parsed(await sandbox.readFile(reference, places.image.target)) ?? {}) as {
    readonly target?: { readonly inputSockets?: Readonly<Record<string, string>> | null };
  };
  if (target?.inputSockets != null && Array.isArray(channels))
    return channels.map((channel) => target.inputSockets![String(channel)] ?? String(channel));
  return images.map((_, channel) => (images.length === 1 ? "input-image" : `input-image-${channel}`));
}

function parsed(text: string | null | undefined): unknown {
  try {
    return JSON.parse(text ?? "null");
  } catch {
    return null;
  }
}

async function runAmos22(options: PhasesOptions): Promise<Phases> {
  const { image, cases } = options;
  const trial: Trial = { ...options.trial, reference: image.reference };
  const command = ["python", "run_inference.py"];
  requireFiles(cases);
  const first = renamed(cases[0]!, "scan of 21.Nov_b");
  const whole = {
    ...{ phase: "workspace", cases, layOut: (folder: string) => layOutFiles(cases, folder) },
    ...{ inputTarget: "/workspace/input", outputTarget: "/workspace/output", user: "root", command },
  };
  const other = {
    ...{ phase: "input", cases: [first], layOut: (folder: string) => layOutFiles([first], folder) },
    ...{ inputTarget: "/input", outputTarget: "/output", user: "1000:1000", command },
  };
  const phases: PhaseResult[] = [];
  for (const run of [whole, other]) {
    phases.push(await runToEnd(trial, run));
  }
  return { findings: [checkTeamName(image.reference), noGpu], phases };
}

/** One process for all cases, then one that is stopped. */
async function runFolder({ trial: rest, image, cases }: PhasesOptions): Promise<Phases> {
  const trial: Trial = { ...rest, reference: image.reference };
  const run: Run = {
    ...{ phase: "run", cases, layOut: (folder) => layOutFiles(cases, folder) },
    ...{ inputTarget: "/input", outputTarget: "/output", user: null, command: null },
  };
  const phases = [await runToEnd(trial, run)];
  if (hasRun(phases)) phases.push(await runAndStop(trial, { ...run, phase: "stop" }));
  return { findings: [], phases };
}

async function layOutFiles(cases: readonly KnownCase[], folder: string): Promise<void> {
  for (const { images, folder: own, fileNames } of cases) {
    if (own !== null) await linkAll(own, folder);
    else
      for (const [channel, image] of images.entries())
        await symlink(image, join(folder, fileNames?.[channel] ?? basename(image)));
  }
}

function requireFiles(cases: readonly KnownCase[]): void {
  const other = cases.flatMap(({ images }) => images).find((image) => !image.endsWith(".nii.gz"));
  if (other !== undefined || cases.some(({ folder }) => folder !== null))
    throw sharedError(
      "USAGE",
      `AMOS22's input is a folder of .nii.gz files; ${other ?? "there are folders"}`,
    );
}

/** Under another name, the answer has to come under that one as well. */
function renamed(known: KnownCase, name: string): KnownCase {
  const fileNames = known.images.map((image) => `${name}${splitImageEnding(basename(image))!.ending}`);
  return { ...known, name, fileNames };
}
