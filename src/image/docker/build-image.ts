import { Transform } from "node:stream";
import { ProcessorError } from "../../../processor/errors.js";
import type { Progress, ProgressTask } from "../../../processor/progress/progress.js";
import { contextEntries } from "../build-context.js";
import type { ImagePlan, LayerEntry } from "../image-plan.js";
import { contextStream } from "./context-stream.js";
import type { Engine } from "./engine.js";
import { engineError, isInUse, isNotFound } from "./engine-error.js";
import { type EngineEvent, engineEvents } from "./engine-events.js";
import { findImage } from "./find-image.js";

export interface BuildImageOptions {
  readonly engine: Engine;
  readonly plan: ImagePlan;
  readonly progress: Progress;
  readonly signal?: AbortSignal;
}

/** An image in the engine, and how it came about. */
export interface BuiltImage {
  readonly imageName: string;
  /** `sha256:…`: the digest of the image's configuration, which names all its layers. */
  readonly imageId: string;
  readonly sizeBytes: number;
  readonly steps: readonly BuildStep[];
}

export interface BuildStep {
  /** As the Dockerfile has it. */
  readonly instruction: string;
  /** The engine had its result already. */
  readonly isCached: boolean;
}

/**
 * Builds a plan with the engine. The name is given only to a finished image; after a failure or an abort the
 * engine holds nothing that it did not hold before.
 *
 * @throws IMAGE_BUILD_FAILED with Docker's own words, ENGINE_DISK_FULL; the signal's reason when aborted
 */
export async function buildImage(options: BuildImageOptions): Promise<BuiltImage> {
  const { engine, plan, signal } = options;
  const doing = `building ${plan.imageName}`;
  const context = contextEntries(plan);
  const before = await imageIds(engine);
  const log = new BuildLog();
  try {
    await runBuild(options, context, log);
    signal?.throwIfAborted();
    await engine.docker.getImage(log.lastImage).tag(repositoryAndTag(plan.imageName));
  } catch (error) {
    await removeImages(
      engine,
      log.imagesNewestFirst.filter((image) => !isAmong(before, image)),
    );
    signal?.throwIfAborted();
    throw engineError(error, doing, "IMAGE_BUILD_FAILED");
  }
  const image = await findImage(engine, plan.imageName);
  if (image === null) throw new ProcessorError("IMAGE_BUILD_FAILED", `${doing}: the image has vanished`);
  return { ...image, steps: log.steps };
}

/**
 * An abort breaks the transfer off. Once the engine has the whole context nothing can stop its current step, so
 * the rest of the build (copies only) is waited for: what it leaves is known then.
 */
async function runBuild(
  { engine, plan, progress, signal }: BuildImageOptions,
  entries: readonly LayerEntry[],
  log: BuildLog,
): Promise<void> {
  const context = contextStream(entries);
  const breakOff = () => context.destroy(new Error("interrupted"));
  signal?.addEventListener("abort", breakOff, { once: true });
  const keepGoing = () => signal?.removeEventListener("abort", breakOff);
  const sending = progress.start({ label: `sending ${plan.imageName} to Docker`, unit: "bytes" });
  const counted = context.pipe(
    new Transform({
      transform(chunk: Buffer, _encoding, give) {
        sending.advance(chunk.length);
        give(null, chunk);
      },
    }),
  );
  context.once("error", (error) => counted.destroy(error));
  context.once("end", keepGoing);
  try {
    signal?.throwIfAborted();
    const answer = await engine.docker.buildImage(counted, {
      rm: true,
      forcerm: true,
      version: "1",
      platform: plan.platform,
    });
    sending.done();
    await followBuild(answer as AsyncIterable<Buffer>, { log, progress, imageName: plan.imageName });
  } finally {
    keepGoing();
    sending.done();
  }
}

interface FollowOptions {
  readonly log: BuildLog;
  readonly progress: Progress;
  readonly imageName: string;
}

/** Resolves when the engine has finished; rejects with the first line that reports an error. */
async function followBuild(answer: AsyncIterable<Buffer>, options: FollowOptions): Promise<void> {
  const { log, progress, imageName } = options;
  let task: ProgressTask | undefined;
  try {
    for await (const event of engineEvents(answer)) {
      const stepsBefore = log.steps.length;
      log.add(event);
      if (log.steps.length === stepsBefore) continue;
      task ??= progress.start({ label: `building ${imageName}`, total: log.stepCount, unit: "steps" });
      task.advance(1);
    }
  } finally {
    task?.done();
  }
}

/** What the engine's lines say: the steps, and the images that they made. */
class BuildLog {
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

  /** An image comes before the one that it was made from. Shortened ids, as the engine prints them. */
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

async function imageIds({ docker }: Engine): Promise<ReadonlySet<string>> {
  const images = await docker.listImages({ all: true }).catch((error: unknown) => {
    throw engineError(error, "listing the engine's images", "ENGINE_FAILED");
  });
  return new Set(images.map(({ Id }) => Id));
}

const isAmong = (imageIds: ReadonlySet<string>, image: string): boolean =>
  [...imageIds].some((id) => id.startsWith(image) || id.startsWith(`sha256:${image}`));

async function removeImages({ docker }: Engine, newestFirst: readonly string[]): Promise<void> {
  for (const id of newestFirst) {
    try {
      await docker.getImage(id).remove({ noprune: true });
    } catch (error) {
      // Another build goes on from it, or it went with its child.
      if (!isNotFound(error) && !isInUse(error)) throw error;
    }
  }
}

function repositoryAndTag(imageName: string): { readonly repo: string; readonly tag: string } {
  const colon = imageName.lastIndexOf(":");
  return colon > imageName.lastIndexOf("/")
    ? { repo: imageName.slice(0, colon), tag: imageName.slice(colon + 1) }
    : { repo: imageName, tag: "latest" };
}
