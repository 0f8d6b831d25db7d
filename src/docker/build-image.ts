import { Transform } from "node:stream";
import type { Progress, ProgressTask } from "../../processor/contract/progress/progress.js";
import { builderError } from "../errors/builder-errors.js";
import type { ImagePlan, LayerEntry } from "../image/image-plan.js";
import { contextEntries } from "./build-context.js";
import { BuildLog, type BuildStep } from "./build-log.js";
import { contextStream } from "./context-stream.js";
import type { Engine } from "./engine.js";
import { engineError, isInUse, isNotFound, isVanishedImage } from "./engine-error.js";
import { engineEvents } from "./engine-events.js";
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

/** How often a build may lose an image of the engine's cache. */
const mostAttempts = 10;

/**
 * Builds a plan with the engine. The name is given only to a finished image; after a failure or an abort the
 * engine holds nothing that it did not hold before.
 *
 * Docker's builder takes images of other builds as its cache without holding them: when one is removed
 * meanwhile, the build that relies on it fails, and is done again. (Of such a failed step Docker may keep an
 * image that it names nowhere, as with `docker build`.)
 *
 * @throws IMAGE_BUILD_FAILED with Docker's own words, ENGINE_DISK_FULL; the signal's reason when aborted
 */
export async function buildImage(options: BuildImageOptions): Promise<BuiltImage> {
  const { engine, plan, signal, progress } = options;
  const doing = `building ${plan.imageName}`;
  const context = contextEntries(plan);
  const before = await imageIds(engine);
  const logs: BuildLog[] = [];
  const leftOver = () => logs.flatMap((log) => log.imagesNewestFirst).filter((id) => !isAmong(before, id));
  for (;;) {
    const log = new BuildLog();
    logs.unshift(log);
    try {
      await runBuild(options, context, log);
      signal?.throwIfAborted();
      await engine.docker.getImage(log.lastImage).tag(repositoryAndTag(plan.imageName));
      break;
    } catch (error) {
      if (signal?.aborted !== true && isVanishedImage(error) && logs.length < mostAttempts) {
        progress.note(`${doing} again: an image in Docker's cache was removed meanwhile`);
        continue;
      }
      await removeNameless(engine, leftOver());
      signal?.throwIfAborted();
      throw engineError(error, doing, "IMAGE_BUILD_FAILED");
    }
  }
  const [{ imagesNewestFirst: own, steps }] = logs as [BuildLog];
  await removeNameless(
    engine,
    leftOver().filter((id) => !own.includes(id)),
  );
  const image = await findImage(engine, plan.imageName);
  if (image === null) throw builderError("IMAGE_BUILD_FAILED", `${doing}: the image has vanished`);
  return { ...image, steps };
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
  const context = contextStream(entries, plan.fileTime);
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

async function imageIds({ docker }: Engine): Promise<ReadonlySet<string>> {
  const images = await docker.listImages({ all: true }).catch((error: unknown) => {
    throw engineError(error, "listing the engine's images", "ENGINE_FAILED");
  });
  return new Set(images.map(({ Id }) => Id));
}

const isAmong = (imageIds: ReadonlySet<string>, image: string): boolean =>
  [...imageIds].some((id) => id.startsWith(image) || id.startsWith(`sha256:${image}`));

/** Not those with a name: another build has given it. */
async function removeNameless({ docker }: Engine, newestFirst: readonly string[]): Promise<void> {
  for (const id of newestFirst) {
    const image = docker.getImage(id);
    try {
      if ((await image.inspect()).RepoTags.length === 0) await image.remove({ noprune: true });
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
