import { type Readable, Transform } from "node:stream";
import type { Progress, ProgressTask } from "../../processor/contract/progress/progress.js";
import { builderError } from "../ground/errors/builder-errors.js";
import { splitTag } from "../ground/image-name.js";
import type { ImagePlan, LayerEntry } from "../image/image-plan.js";
import { contextEntries } from "./build-context.js";
import { BuildLog, type BuildStep } from "./build-log.js";
import { contextStream } from "./context-stream.js";
import type { Engine } from "./engine.js";
import { engineError, isGone, isInUse, isVanishedImage } from "./engine-error.js";
import { engineEvents } from "./engine-events.js";
import { findImage } from "./find-image.js";

interface EngineBuild {
  readonly engine: Engine;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

export interface BuildImageOptions extends EngineBuild {
  readonly plan: ImagePlan;
}

/** A build from files that are a Dockerfile and what it copies. */
export interface BuildContextOptions extends EngineBuild {
  readonly imageName: string;
  readonly platform: string;
  readonly entries: readonly LayerEntry[];
  readonly fileTime?: Date;
  /** True for a Dockerfile whose commands take long: an abort then ends the current one, instead of awaiting it. */
  readonly stopsCommands?: boolean;
}

/** An image in the engine, and the steps that built it. */
export interface BuiltImage {
  readonly imageName: string;
  /** Digest of the image's configuration, `sha256:…`, which identifies all of its layers. */
  readonly imageId: string;
  readonly sizeBytes: number;
  readonly steps: readonly BuildStep[];
}

/** Maximum number of attempts if images of the engine's cache are removed during the build. */
const mostAttempts = 10;

/** Builds a plan with the engine: see `buildContext`. */
export const buildImage = ({ plan, ...options }: BuildImageOptions): Promise<BuiltImage> =>
  buildContext({
    ...options,
    imageName: plan.imageName,
    platform: plan.platform,
    entries: contextEntries(plan),
    ...(plan.fileTime === undefined ? {} : { fileTime: plan.fileTime }),
  });

/**
 * Builds an image with the engine. Only a finished image gets the name. After a failure or an abort, the engine
 * contains nothing new.
 *
 * Docker's builder uses images of other builds as its cache without protecting them. If one is removed during
 * the build, the build fails and is repeated. (Docker may keep a nameless image of such a failed step, as
 * `docker build` does.)
 *
 * @throws IMAGE_BUILD_FAILED with Docker's message, ENGINE_DISK_FULL; the signal's reason if aborted
 */
export async function buildContext(options: BuildContextOptions): Promise<BuiltImage> {
  const { engine, imageName, signal, progress } = options;
  const doing = `building ${imageName}`;
  const before = await imageIds(engine);
  const logs: BuildLog[] = [];
  const leftOver = () => logs.flatMap((log) => log.imagesNewestFirst).filter((id) => !isAmong(before, id));
  for (;;) {
    const log = new BuildLog();
    logs.unshift(log);
    try {
      await runBuild(options, log);
      signal.throwIfAborted();
      const { name: repo, tag } = splitTag(imageName);
      await engine.docker.getImage(log.lastImage).tag({ repo, tag: tag ?? "latest" });
      break;
    } catch (error) {
      if (!signal.aborted && isVanishedImage(error) && logs.length < mostAttempts) {
        progress.note(`${doing} again: an image in Docker's cache was removed meanwhile`);
        continue;
      }
      await removeNameless(engine, leftOver());
      signal.throwIfAborted();
      throw engineError(error, doing, "IMAGE_BUILD_FAILED");
    }
  }
  const [{ imagesNewestFirst: own, steps }] = logs as [BuildLog];
  await removeNameless(
    engine,
    leftOver().filter((id) => !own.includes(id)),
  );
  const image = await findImage(engine, imageName);
  if (image === null) throw builderError("IMAGE_BUILD_FAILED", `${doing}: the image has vanished`);
  return { ...image, steps };
}

/**
 * Runs one build. An abort stops the transfer. Once the engine has the whole context, nothing can stop its
 * current step, so the rest of the build (only copies) is awaited, because only then are the remaining images
 * known.
 */
async function runBuild(
  { engine, imageName, platform, entries, fileTime, stopsCommands, progress, signal }: BuildContextOptions,
  log: BuildLog,
): Promise<void> {
  const context = contextStream(entries, fileTime);
  const breakOff = () => context.destroy(new Error("interrupted"));
  signal.addEventListener("abort", breakOff, { once: true });
  const keepGoing = () => signal.removeEventListener("abort", breakOff);
  const sending = progress.start({ label: `sending ${imageName} to Docker`, unit: "bytes" });
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
    signal.throwIfAborted();
    const answer = await engine.docker.buildImage(counted, {
      rm: true,
      forcerm: true,
      version: "1",
      platform,
    });
    sending.done();
    const lines = answer as Readable;
    if (stopsCommands === true)
      signal.addEventListener("abort", () => lines.destroy(new Error("interrupted")), { once: true });
    await followBuild(lines, { log, progress, imageName });
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

/** Resolves when the engine has finished. Rejects on the first line that reports an error. */
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

async function imageIds({ docker }: Engine): Promise<ReadonlySet<string>> {
  const images = await docker.listImages({ all: true }).catch((error: unknown) => {
    throw engineError(error, "listing the engine's images", "ENGINE_FAILED");
  });
  return new Set(images.map(({ Id }) => Id));
}

const isAmong = (imageIds: ReadonlySet<string>, image: string): boolean =>
  [...imageIds].some((id) => id.startsWith(image) || id.startsWith(`sha256:${image}`));

/** Removes images without a name. Another build has named the others. */
async function removeNameless({ docker }: Engine, newestFirst: readonly string[]): Promise<void> {
  for (const id of newestFirst) {
    const image = docker.getImage(id);
    try {
      if ((await image.inspect()).RepoTags.length === 0) await image.remove({ noprune: true });
    } catch (error) {
      // Another build continues from the image, or it was removed together with its child.
      if (!isGone(error) && !isInUse(error)) throw error;
    }
  }
}
