import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { basename, dirname } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import type { Container, ContainerCreateOptions, HostConfig } from "dockerode";
import { extract, type Headers, type Pack, pack } from "tar-fs";
import { processorLabels } from "../../../processor/contract/labels.js";
import { readTar } from "../../../processor/files/tar/read-tar.js";
import type { Engine } from "../engine.js";
import { engineError, isGone } from "../engine-error.js";
import { type OutputListener, type RunningContainer, startContainer } from "./container-run.js";

/**
 * A folder that the containers of a sandbox share. The platform writes it, and the processor gets only read
 * or write access.
 */
export interface SandboxVolume {
  readonly name: string;
  readonly container: Container;
}

export interface SandboxMount {
  readonly volume: SandboxVolume;
  readonly target: string;
  readonly isReadOnly: boolean;
}

/**
 * The settings of a container. In addition, every container has no capabilities, a read-only root and a fresh
 * /tmp.
 */
export interface SandboxContainer {
  readonly reference: string;
  /** Null for the image's own user. */
  readonly user: string | null;
  /** Replaces the image's ENTRYPOINT; null to keep it. */
  readonly entrypoint: readonly string[] | null;
  /** Replaces the image's CMD; null to keep it. */
  readonly command: readonly string[] | null;
  /** `NAME=value`, in addition to the image's own variables. */
  readonly environment: readonly string[];
  readonly mounts: readonly SandboxMount[];
  /** Additional writable folders, initially empty. */
  readonly writable: readonly string[];
  /** Null for no limit. */
  readonly memoryBytes: number | null;
  /** RLIMIT_DATA; null for no limit. */
  readonly dataLimitBytes: number | null;
  /** Null for the engine's own default. */
  readonly sharedMemoryBytes: number | null;
  /** Null for no GPU. */
  readonly gpus: GpuChoice | null;
  readonly onOutput: OutputListener | null;
}

/** All GPUs of the machine, or those with the given numbers or UUIDs. */
export type GpuChoice = "all" | readonly string[];

/** Runs containers of an image, and removes all containers, volumes and images that they needed. */
export class Sandbox {
  readonly #cleanups: (() => Promise<unknown>)[] = [];

  /** Labels of everything that is created in the engine, so that leftovers of a crash can be found. */
  readonly #labels: Readonly<Record<string, string>>;

  /** @param purpose for people: the image under test */
  readonly #engine: Engine;

  constructor(engine: Engine, purpose: string) {
    this.#engine = engine;

    this.#labels = { [processorLabels.sandbox]: purpose };
  }

  /**
   * Creates the image with one more layer, as a platform adds it, in which some paths are symbolic links.
   *
   * @param links target of each link by its path: `{"/input": "/opt/ml/input/data"}`
   */
  async withLinks(reference: string, links: Readonly<Record<string, string>>): Promise<string> {
    return this.#asked(`adding a layer to ${reference}`, async () => {
      // The new image inherits this container's settings, so they must be those of the image.
      const container = await this.#create({ Image: reference });
      const entries = Object.entries(links).map(([name, linkname]) => ({
        ...ofRoot,
        name,
        linkname,
        type: "symlink" as const,
      }));
      await container.putArchive(archiveOf(entries), { path: "/" });
      const { Id } = (await container.commit({ comment: "links" })) as { readonly Id: string };
      this.#cleanups.push(() => this.#engine.docker.getImage(Id).remove().catch(unlessGone));
      return Id;
    });
  }

  /**
   * Creates a volume with a folder that root owns and everybody may write to.
   *
   * @param content a .tar or .tar.gz of the folder's contents; undefined for an empty folder
   */
  async createVolume(reference: string, content?: string): Promise<SandboxVolume> {
    return this.#asked("making a volume", async () => {
      const name = `nnunet-processor-${randomUUID()}`;
      await this.#engine.docker.createVolume({ Name: name, Labels: this.#labels });
      this.#cleanups.push(() => this.#engine.docker.getVolume(name).remove().catch(unlessGone));
      const container = await this.#createIdle({
        Image: reference,
        HostConfig: { Mounts: [volumeMount(name)] },
      });
      const folder = { ...ofRoot, name: basename(volumeTarget), mode: 0o777, type: "directory" as const };
      await container.putArchive(archiveOf([folder]), { path: dirname(volumeTarget) });
      if (content !== undefined)
        await container.putArchive(createReadStream(content), { path: volumeTarget });
      return { name, container };
    });
  }

  /** Copies the files and folders of a folder into a volume. Follows links. */
  async fill({ container }: SandboxVolume, folder: string): Promise<void> {
    const map = (header: Headers): Headers => ({
      ...header,
      uid: 0,
      gid: 0,
      mode: header.type === "directory" ? 0o755 : 0o644,
    });
    await this.#asked("copying the input", () =>
      container.putArchive(Readable.from(pack(folder, { dereference: true, map })), { path: volumeTarget }),
    );
  }

  /**
   * Copies a volume's files into a folder. Returns the omitted paths, which are neither files nor folders.
   */
  async collect({ container }: SandboxVolume, folder: string): Promise<readonly string[]> {
    const leftOut: string[] = [];
    const ignore = (name: string, header?: Headers): boolean => {
      if (header?.type === "file" || header?.type === "directory") return false;
      leftOut.push(name);
      return true;
    };
    const archive = await this.#asked("copying the output", () =>
      container.getArchive({ path: volumeTarget }),
    );
    await pipeline(archive, extract(folder, { strip: 1, ignore, readable: true, writable: true }));
    return leftOut;
  }

  /** Reads a text file of the image; null if there is no file of at most 1 MiB at this path. */
  async readFile(reference: string, path: string): Promise<string | null> {
    return this.#asked(`reading ${path} of ${reference}`, async () => {
      const container = await this.#createIdle({ Image: reference });
      const archive = await container.getArchive({ path }).catch(unlessGone);
      if (archive === undefined) return null;
      try {
        for await (const entry of readTar(archive as AsyncIterable<Buffer>))
          if (entry.kind === "file" && entry.sizeBytes <= maxTextBytes) return await text(entry.bytes);
        return null;
      } finally {
        (archive as Readable).destroy();
      }
    });
  }

  /** Starts the processor. */
  async start(options: SandboxContainer, signal: AbortSignal): Promise<RunningContainer> {
    const { reference, user, entrypoint, command, environment, onOutput } = options;
    return this.#asked(`starting ${reference}`, async () => {
      const container = await this.#create({
        Image: reference,
        Env: [...environment],
        ...(user === null ? {} : { User: user }),
        ...(entrypoint === null ? {} : { Entrypoint: [...entrypoint] }),
        ...(command === null ? {} : { Cmd: [...command] }),
        HostConfig: hostConfig(options),
      });
      return startContainer({ engine: this.#engine, container, signal, onOutput });
    });
  }

  /**
   * Starts a program next to the processor, in its network and with its volumes, as the platform's own shim.
   */
  async startCompanion(options: {
    readonly reference: string;
    readonly processor: RunningContainer;
    readonly entrypoint: readonly string[];
    readonly volumes: readonly SandboxMount[];
    readonly signal: AbortSignal;
  }): Promise<RunningContainer> {
    const { reference, processor, entrypoint, volumes, signal } = options;
    return this.#asked("starting a program next to the processor", async () => {
      const container = await this.#create({
        Image: reference,
        User: "0:0",
        Entrypoint: [...entrypoint],
        Cmd: [],
        HostConfig: {
          NetworkMode: `container:${processor.id}`,
          LogConfig: { Type: "none", Config: {} },
          Mounts: volumes.map(({ volume, target }) => ({ ...volumeMount(volume.name), Target: target })),
        },
      });
      return startContainer({ engine: this.#engine, container, signal, onOutput: null });
    });
  }

  /**
   * Removes everything that was created, newest first. A failure does not prevent the removal of the rest.
   */
  async remove(): Promise<void> {
    const failures: unknown[] = [];
    for (const cleanup of this.#cleanups.splice(0).reverse()) {
      await cleanup().catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0) throw engineError(failures[0], "cleaning up", "ENGINE_FAILED");
  }

  /** Creates a container that never runs. Files are copied into it and out of it. */
  #createIdle(options: ContainerCreateOptions): Promise<Container> {
    return this.#create({ ...options, Entrypoint: ["-"], Cmd: [] });
  }

  async #create(options: ContainerCreateOptions): Promise<Container> {
    const container = await this.#engine.docker.createContainer({ ...options, Labels: this.#labels });
    this.#cleanups.push(() => container.remove({ force: true, v: true }).catch(unlessGone));
    return container;
  }

  async #asked<T>(doing: string, ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      throw engineError(error, doing, "ENGINE_FAILED");
    }
  }
}

function hostConfig(options: SandboxContainer): HostConfig {
  const { memoryBytes, dataLimitBytes, sharedMemoryBytes, gpus } = options;
  return {
    NetworkMode: "none",
    ReadonlyRootfs: true,
    CapDrop: ["ALL"],
    SecurityOpt: ["no-new-privileges"],
    ...(memoryBytes === null ? {} : { Memory: memoryBytes, MemorySwap: memoryBytes }),
    ...(sharedMemoryBytes === null ? {} : { ShmSize: sharedMemoryBytes }),
    ...(gpus === null ? {} : { DeviceRequests: [gpuRequest(gpus)] }),
    Tmpfs: Object.fromEntries(["/tmp", ...options.writable].map((path) => [path, "exec,mode=0777"])),
    Ulimits: dataLimitBytes === null ? [] : [{ Name: "data", Soft: dataLimitBytes, Hard: dataLimitBytes }],
    // The engine's own log drivers cut lines and replace invalid UTF-8.
    LogConfig: { Type: "none", Config: {} },
    Mounts: options.mounts.map(({ volume, target, isReadOnly }) => ({
      ...volumeMount(volume.name),
      Target: target,
      ReadOnly: isReadOnly,
    })),
  };
}

/** The request of `docker run --gpus`. */
const gpuRequest = (gpus: GpuChoice): NonNullable<HostConfig["DeviceRequests"]>[number] => ({
  ...(gpus === "all" ? { Count: -1 } : { DeviceIDs: [...gpus] }),
  Capabilities: [["gpu"]],
});

/** Path of the volume in a container that only carries files. */
const volumeTarget = "/nnunet-processor-volume/data";

const volumeMount = (name: string) => ({ Type: "volume" as const, Source: name, Target: volumeTarget });

const maxTextBytes = 1 << 20;

const ofRoot = { uid: 0, gid: 0, mtime: new Date(0) };

/** Packs entries without content into a tar. */
const archiveOf = (entries: readonly Parameters<Pack["entry"]>[0][]): Readable =>
  Readable.from(
    pack(".", {
      entries: [],
      finalize: false,
      finish: (tar) => {
        for (const entry of entries) tar.entry(entry);
        tar.finalize();
      },
    }),
  );

function unlessGone(error: unknown): void {
  if (!isGone(error)) throw error;
}
