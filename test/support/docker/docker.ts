import { text } from "node:stream/consumers";
import type { Container } from "dockerode";
import { ProcessorError } from "../../../processor/contract/errors.js";
import { connectEngine, type Engine } from "../../../src/docker/engine.js";
import { describeWith, type Need } from "../needs.js";
import { neverStopped } from "../never-stopped.js";

const engine = await connectEngine(process.env, neverStopped()).catch((error: unknown) => {
  if (error instanceof ProcessorError) return error;
  throw error;
});

/** The engine of this machine; the test fails when there is none. */
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

/** Tests that need a Docker engine and, where `others` are given, something else as well. */
export function describeWithEngine(name: string, tests: () => void, others: readonly Need[] = []): void {
  describeWith([dockerEngine, ...others], name, tests);
}

/** The digests of an image's layers, the base's first. */
export async function layerDigests(imageName: string): Promise<readonly string[]> {
  return (await testEngine().docker.getImage(imageName).inspect()).RootFS.Layers ?? [];
}

/** All images with a layer, those without a name too: what else the engine does at the same time is no matter. */
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
  // Docker lists images of one age in any order.
  return ids.filter((_, i) => held[i]).sort();
}

export interface ContainerRun {
  readonly exitCode: number;
  readonly output: string;
}

export interface RunOptions {
  readonly input: string;
  readonly output: string;
  /** Mounts in addition to /input and /output, as Docker writes them. */
  readonly binds?: readonly string[];
  /** Instead of the image's own program. */
  readonly command?: readonly string[];
  /** For its own program. */
  readonly args?: readonly string[];
}

/**
 * Runs an image as a careful host does: no network, a read-only root, only /output and /tmp writable, 4 GB of
 * memory, nobody's rights.
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

/** Takes a name away from the engine, and the image with its last name. */
export async function removeImage(imageName: string): Promise<void> {
  await testEngine().docker.getImage(imageName).remove({ force: true }).catch(unlessGone);
}

function unlessGone(error: { readonly statusCode?: number }): false {
  if (error.statusCode !== 404) throw error;
  return false;
}
