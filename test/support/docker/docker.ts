import { text } from "node:stream/consumers";
import type { Container } from "dockerode";
import { ProcessorError } from "../../../processor/contract/errors.js";
import { connectEngine, type Engine } from "../../../src/docker/engine.js";
import { isGone } from "../../../src/docker/engine-error.js";
import { describeWith, type Need } from "../needs.js";
import { neverStopped } from "../never-stopped.js";

const engine = await connectEngine(process.env, neverStopped()).catch((error: unknown) => {
  if (error instanceof ProcessorError) return error;
  throw error;
});

/** Returns this machine's engine; fails the test if there is none. */
export function testEngine(): Engine {
  if (engine instanceof ProcessorError) throw engine;
  return engine;
}

const dockerEngine: Need = {
  what: "a Docker engine",
  remedy: "apt-get install docker.io && dockerd",
  isMet: !(engine instanceof ProcessorError),
  isRequiredInCi: true,
};

/** Groups tests that need a Docker engine, and `others` as well. */
export function describeWithEngine(name: string, tests: () => void, others: readonly Need[] = []): void {
  describeWith([dockerEngine, ...others], name, tests);
}

/** Returns the digests of an image's layers, those of the base first. */
export async function layerDigests(imageName: string): Promise<readonly string[]> {
  return (await testEngine().docker.getImage(imageName).inspect()).RootFS.Layers ?? [];
}

/** Returns every image, named or not, that has this layer. Other images that the engine holds do not matter. */
export async function imagesWithLayer(digest: string): Promise<readonly string[]> {
  const { docker } = testEngine();
  const ids = (await docker.listImages({ all: true })).map(({ Id }) => Id);
  const held = await Promise.all(
    ids.map((id) =>
      layerDigests(id)
        .then((layers) => layers.includes(digest))
        .catch(unlessGone),
    ),
  );
  // Docker lists images of the same age in any order.
  return ids.filter((_, i) => held[i]).sort();
}

export interface ContainerRun {
  readonly exitCode: number;
  readonly output: string;
}

export interface RunOptions {
  readonly input: string;
  readonly output: string;
  /** Further mounts beside /input and /output, in Docker's notation. */
  readonly binds?: readonly string[];
  /** Replaces the image's own program. */
  readonly command?: readonly string[];
  /** Arguments for the image's own program. */
  readonly args?: readonly string[];
}

/**
 * Runs an image as a careful host does: without a network, with a read-only root where only /output and /tmp are
 * writable, with 4 GB of memory, and as a user without rights.
 */
export async function runContained(imageName: string, options: RunOptions): Promise<ContainerRun> {
  const { input, output, command, args, binds = [] } = options;
  const { docker } = testEngine();
  const container = await docker.createContainer({
    Image: imageName,
    User: "1000:1000",
    Tty: true,
    ...(command === undefined ? {} : { Entrypoint: [...command] }),
    ...(args === undefined ? {} : { Cmd: [...args] }),
    HostConfig: {
      NetworkMode: "none",
      ReadonlyRootfs: true,
      Tmpfs: { "/tmp": "" },
      Memory: 4 * 1024 ** 3,
      Binds: [`${input}:/input:ro`, `${output}:/output`, ...binds],
    },
  });
  return followToEnd(container);
}

async function followToEnd(container: Container): Promise<ContainerRun> {
  try {
    await container.start();
    const { StatusCode: exitCode } = (await container.wait()) as { readonly StatusCode: number };
    const written = await container.logs({ stdout: true, stderr: true, follow: true });
    return { exitCode, output: await text(written) };
  } finally {
    await container.remove({ force: true });
  }
}

/** Removes an image's name from the engine, and the image itself if it has no other name. */
export async function removeImage(imageName: string): Promise<void> {
  await testEngine().docker.getImage(imageName).remove({ force: true }).catch(unlessGone);
}

function unlessGone(error: unknown): false {
  if (!isGone(error)) throw error;
  return false;
}
