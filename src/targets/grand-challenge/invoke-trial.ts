import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import {
  type Checked,
  number,
  orNull,
  record,
  text,
  wholeNumber,
} from "../../../processor/contract/json-check.js";
import { parseChecked } from "../../../processor/contract/parse-checked.js";
import type { ContainerEnd, RunningContainer } from "../../docker/sandbox/container-run.js";
import { builderError } from "../../ground/errors/builder-errors.js";
import { packageRoot } from "../../ground/files/package-root.js";
import { type Finding, fail, pass } from "../../ground/finding.js";
import { checkLog, checkMemory, inGibibytes } from "../simulate/check-run.js";
import type { PhaseResult } from "../simulate/phase-result.js";
import type { Trial } from "../simulate/simulation.js";
import {
  createVolumes,
  fillInput,
  lintVolume,
  type Run,
  startProcessor,
  stopProcessor,
  type Volumes,
  withProgress,
} from "../simulate/trial.js";

/** The longest time for which the platform asks for health until the model is loaded. */
const readyWithinSeconds = 300;
const healthWithinSeconds = 10;

/**
 * Starts one process and asks it for one case after another: `/health` until it is ready, then for each run an empty
 * /output, a new /input and `POST /invoke`, and SIGTERM at the end.
 */
export async function runInvocations(trial: Trial, runs: readonly Run[]): Promise<readonly PhaseResult[]> {
  const volumes = await createVolumes(trial);
  const began = performance.now();
  const processor = await startProcessor(trial, volumes, runs[0]!);
  const client = new PlatformClient(trial, processor, volumes);
  const results: PhaseResult[] = [];
  const health = await withProgress(trial, "start: waiting for GET /health", () =>
    client.ask(["ready", "/health", healthWithinSeconds, readyWithinSeconds]),
  );
  const findings = [checkHealth(health)];
  results.push({
    ...emptyPhase("start"),
    seconds: (performance.now() - began) / 1000,
    peakMemoryBytes: processor.peakMemoryBytes(),
    findings,
  });
  if (findings.every(({ result }) => result === "pass"))
    for (const run of runs) {
      results.push(
        await withProgress(trial, `${run.phase}: waiting for POST /invoke`, () =>
          invoke(trial, run, { processor, client, volumes }),
        ),
      );
      trial.signal.throwIfAborted();
      if (processor.hasEnded()) break;
    }
  const { seconds, finding: stopped } = await stopProcessor(processor);
  trial.signal.throwIfAborted();
  const { peakMemoryBytes, log } = await processor.ended;
  const last = [
    stopped,
    ...checkMemory({ peakMemoryBytes }, trial.memoryBytes),
    ...checkLog({ log, exitCode: 0 }),
  ];
  results.push({ ...emptyPhase("stop"), seconds, peakMemoryBytes, findings: last, log: log.lastLines });
  return results;
}

const emptyPhase = (phase: string) => ({ phase, segmentations: [], log: [] });

interface Serving {
  readonly processor: RunningContainer;
  readonly client: PlatformClient;
  readonly volumes: Volumes;
}

async function invoke(trial: Trial, run: Run, serving: Serving): Promise<PhaseResult> {
  const { processor, client, volumes } = serving;
  await client.emptyFolders();
  await fillInput(trial, volumes, run);
  const answer = await client.ask(["ask", "POST", "/invoke", trial.timeoutSeconds]);
  const answered = checkInvoke(answer, trial);
  const output =
    answered.result === "pass"
      ? await lintVolume(trial, volumes, run.cases)
      : { findings: [], segmentations: [] };
  return {
    phase: run.phase,
    seconds: answer.seconds,
    peakMemoryBytes: processor.peakMemoryBytes(),
    findings: [answered, ...output.findings],
    segmentations: output.segmentations,
    log: [],
  };
}

const answerShape = record({ status: orNull(wholeNumber), error: orNull(text), seconds: number });

type Answer = Checked<typeof answerShape>;

function checkHealth({ status, error }: Answer): Finding {
  if (status === 200) return pass("health", "GET /health answers 200");
  const found = status === null ? (error ?? "no answer") : `status ${status}`;
  return fail(
    "health",
    `GET /health on port 4743: ${found}`,
    status !== null && status >= 300 && status < 400
      ? "Answer 200 at /health itself: a redirect is a failure."
      : `Listen on port 4743 and answer 200 within ${readyWithinSeconds} s, each call within ${healthWithinSeconds} s.`,
  );
}

function checkInvoke({ status, error, seconds }: Answer, { timeoutSeconds, memoryBytes }: Trial): Finding {
  if (status === 201) return pass("invoke", `POST /invoke answers 201 after ${seconds.toFixed(1)} s`);
  if (error === "timeout")
    return fail(
      "invoke",
      `no answer to POST /invoke within ${timeoutSeconds} s`,
      "Build with fewer folds, without mirroring, or ask the platform for more time (--timeout here).",
    );
  return status === null
    ? fail(
        "invoke",
        `POST /invoke: no answer; ${error}`,
        `Its log says why; more than ${inGibibytes(memoryBytes)} of memory is one cause.`,
      )
    : fail(
        "invoke",
        `POST /invoke answers ${status}, not 201`,
        "Its log says why; any other status is a failed job.",
      );
}

/** Plays the platform's own program. It runs in a separate container, so that its memory is not counted. */
class PlatformClient {
  readonly #trial: Trial;
  readonly #processor: RunningContainer;
  readonly #volumes: Volumes;

  constructor(trial: Trial, processor: RunningContainer, volumes: Volumes) {
    this.#trial = trial;
    this.#processor = processor;
    this.#volumes = volumes;
  }

  async emptyFolders(): Promise<void> {
    await this.ask(["empty", "/platform/input", "/platform/output"]);
  }

  /** Sends a request. The answer has no status if the processor ends before it answers. */
  async ask(words: readonly (string | number)[]): Promise<Answer> {
    const began = performance.now();
    const program = await this.#start(words.map(String));
    if (program !== null) {
      const first = await Promise.race([program.ended, this.#processor.ended.then(() => null)]);
      if (first === null) await program.kill("SIGKILL");
      else {
        this.#trial.signal.throwIfAborted();
        const answer = answerOf(program, first);
        if (await this.#isAnswer(answer)) return answer;
      }
    }
    const { exitCode, log } = await this.#processor.ended;
    const said = log.lastErrorLine === null ? "" : `; last on stderr: ${log.lastErrorLine}`;
    const seconds = (performance.now() - began) / 1000;
    return { status: null, error: `the process exited with ${exitCode}${said}`, seconds };
  }

  /** Returns false for a connection that broke off because the process ended: the end of the process says more. */
  async #isAnswer({ status, error }: Answer): Promise<boolean> {
    if (status !== null || error === "timeout") return true;
    return error === null ? !this.#processor.hasEnded() : !(await this.#isEnding());
  }

  /** Returns whether the process ends within a moment: the engine reports an end later than the connections it breaks. */
  async #isEnding(): Promise<boolean> {
    await Promise.race([this.#processor.ended, delay(endsWithinMs, undefined, { ref: false })]);
    return this.#processor.hasEnded();
  }

  /** Null if the processor has ended. */
  async #start(words: readonly string[]): Promise<RunningContainer | null> {
    const { sandbox, reference, signal } = this.#trial;
    const { input, output } = this.#volumes;
    const volumes = [
      { volume: input, target: "/platform/input", isReadOnly: false },
      { volume: output, target: "/platform/output", isReadOnly: false },
    ];
    for (const { program, flag, file } of interpreters) {
      const script = await readFile(join(packageRoot, "templates", file), "utf8");
      const entrypoint = [program, flag, script, ...words];
      const started = await sandbox
        .startCompanion({ reference, processor: this.#processor, entrypoint, volumes, signal })
        .catch(async (error: unknown) => {
          // The engine cannot join a container to the network of a process that has just ended.
          if (isMissing(error) || (await this.#isEnding())) return null;
          throw error;
        });
      if (started !== null || this.#processor.hasEnded()) return started;
    }
    throw builderError(
      "TOOL_MISSING",
      `${reference} has neither node nor python3; one of them plays the platform's part, which asks /invoke`,
    );
  }
}

/** The longest time from broken connections, or a failure to join a container, to the reported end of the process. */
const endsWithinMs = 1000;

function answerOf(program: RunningContainer, { log }: ContainerEnd): Answer {
  const asker = "the program that asks the processor";
  if (program.output() === "")
    throw builderError("ENGINE_FAILED", `${asker} ended without an answer: ${log.lastErrorLine}`);
  return parseChecked(program.output(), answerShape, (reason, cause) =>
    builderError("ENGINE_FAILED", `${asker} gave an answer that ${reason}`, { cause }),
  );
}

const interpreters = [
  { program: "node", flag: "-e", file: "simulate-client.cjs" },
  { program: "python3", flag: "-c", file: "simulate-client.py" },
] as const;

const isMissing = (error: unknown): boolean =>
  error instanceof Error && /executable file not found|no such file or directory/i.test(error.message);
