import { listOf, orAbsent, orNull, record, recordOf, text } from "../../../processor/contract/json-check.js";
import { foreignLabels, processorLabels } from "../../../processor/contract/labels.js";
import { ownEntry } from "../../../processor/contract/own-entry.js";
import { parseOrNull } from "../../../processor/contract/parse-checked.js";
import { places } from "../../../processor/contract/places.js";
import { type Finding, pass, warning } from "../../ground/finding.js";
import { processorEntrypoint } from "../../image/processor-files.js";
import { checkArchitecture } from "../preflight/archive-checks.js";
import type { OpenedImage } from "../simulate/open-image.js";
import type { PhaseResult } from "../simulate/phase-result.js";
import {
  gibibyte,
  type KnownCase,
  type Phases,
  type PhasesOptions,
  type Simulation,
  type Trial,
} from "../simulate/simulation.js";
import { hasRun, noGpu, type Run, runAndStop, runToEnd } from "../simulate/trial.js";
import { layOutSockets, type Spelling, type TrialCase } from "../simulate/trial-cases.js";
import { checkApiMethod } from "./api-method.js";
import { runInvocations } from "./invoke-trial.js";
import { checkUser } from "./preflight.js";

export const grandChallengeSimulation: Simulation = {
  memoryBytes: 8 * gibibyte,
  keptMemoryBytes: gibibyte,
  environment: ["LOG_LEVEL=INFO", "PYTHONUNBUFFERED=1", "no_proxy=amazonaws.com"],
  writable: ["/opt/ml/output/data", "/opt/ml/checkpoints"],
  output: { layout: "folder-per-socket", endings: [".mha", ".tif", ".tiff"], isEightBitOnly: true },
  run: runGrandChallenge,
};

/** The destination of the link /input. It is a link as on the platform, where programs fail that resolve paths too early. */
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
    inputTarget: linkedInput,
    outputTarget: "/output",
    user: null,
    command: null,
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
  // An image of this program supports both methods, whatever its label says.
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

const checkCases = (cases: readonly KnownCase[]): Finding =>
  cases.length > 1
    ? pass("cases", `${cases.length} cases; two of them are given to one process`)
    : warning(
        "cases",
        "the input has one case, which is given twice",
        "Give a folder with two cases of different size: what one leaves behind shows in the other.",
      );

/** Returns the input sockets of the image in the order of its channels. With one channel, it accepts any name. */
async function slugsOf(
  { sandbox }: Pick<Trial, "sandbox">,
  { reference, imageLabels }: OpenedImage,
  { images }: TrialCase,
): Promise<readonly string[]> {
  const channels = parseOrNull(imageLabels[processorLabels.channels] ?? "", listOf(text));
  const target = parseOrNull((await sandbox.readFile(reference, places.image.target)) ?? "", socketsOfTarget);
  const sockets = target?.target?.inputSockets ?? null;
  if (sockets !== null && channels !== null)
    return channels.map((channel) => ownEntry(sockets, channel) ?? channel);
  return images.map((_, channel) => (images.length === 1 ? "input-image" : `input-image-${channel}`));
}

/** The part of `target.json` that is read here; the image may be of another version. */
const socketsOfTarget = record({
  target: orAbsent(record({ inputSockets: orAbsent(orNull(recordOf(text))) })),
});
