import type { EngineEvent } from "./engine-events.js";

export interface BuildStep {
  /** The instruction as written in the Dockerfile. */
  readonly instruction: string;
  /** True if the engine already had the result. */
  readonly isCached: boolean;
}

/** Parses the engine's output of one build: the steps, and the images that they made. */
export class BuildLog {
  readonly #steps: { instruction: string; isCached: boolean }[] = [];
  readonly #images: string[] = [];
  stepCount = 0;

  get steps(): readonly BuildStep[] {
    return this.#steps;
  }

  get lastImage(): string {
    const last = this.#images.at(-1);
    if (last === undefined) throw new Error("Docker named no image");
    return last;
  }

  /** Shortened ids, as the engine prints them. An image precedes the one that it was made from. */
  get imagesNewestFirst(): readonly string[] {
    return this.#images.toReversed();
  }

  add({ stream, error, aux }: EngineEvent): void {
    if (error !== undefined) throw new Error(this.#inStep(error));
    if (aux?.ID !== undefined) this.#images.push(aux.ID);
    for (const line of (stream ?? "").split("\n")) this.#addLine(line);
  }

  #addLine(line: string): void {
    const step = /^Step \d+\/(\d+) ?: (.*)$/i.exec(line);
    if (step !== null) {
      this.stepCount = Number(step[1]);
      this.#steps.push({ instruction: step[2]!, isCached: false });
    }
    const current = this.#steps.at(-1);
    if (current !== undefined && /^ ?-+> Using cache/.test(line)) current.isCached = true;
    const image = /^ ?-+> ([0-9a-f]{12,64})$/.exec(line)?.[1];
    if (image !== undefined) this.#images.push(image);
  }

  #inStep(error: string): string {
    const step = this.#steps.at(-1);
    return step === undefined ? error : `${step.instruction}: ${error}`;
  }
}
