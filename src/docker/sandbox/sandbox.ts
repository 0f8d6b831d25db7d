import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { basename, dirname } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import type { Container, ContainerCreateOptions } from "dockerode";
import { extract, type Headers, type Pack, pack } from "tar-fs";
import { processorLabels } from "../../../processor/contract/labels.js";
import { readTar } from "../../oci/read-tar.js";
import type { Engine } from "../engine.js";
import { engineError, isNotFound } from "../engine-error.js";
import { type RunningContainer, startContainer } from "./container-run.js";

/** A folder that containers of a sandbox share: the platform's side writes it, the processor may only read or write. */
export interface SandboxVolume {
  readonly name: string;
  readonly container: Container;
}

export interface SandboxMount {
  readonly volume: SandboxVolume;
  readonly target: string;
  readonly isReadOnly: boolean;
}

/** How a container is held, beside what holds for every one: no capabilities, a read-only root, a fresh /tmp. */
export interface SandboxContainer {
  readonly reference: string;
  /** Null for the image's own. */
  readonly user: string | null;
  /** Instead of the image's CMD; null for that. */
  readonly command: readonly string[] | null;
  /** `NAME=value`, beside the image's own. */
  readonly environment: readonly string[];
  readonly mounts: readonly SandboxMount[];
  /** Further folders that may be written, empty at first. */
  readonly writable: readonly string[];
  readonly memoryBytes: number;
  /** RLIMIT_DATA; null for none. */
  readonly dataLimitBytes: number | null;
  readonly sharedMemoryBytes: number;
}

/** Runs containers of an image and takes all that they needed away again: containers, volumes, images. */
export class Sandbox {
  readonly #cleanups: (() => Promise<unknown>)[] = [];

  /** On everything that is made in the engine, so that what a crash leaves can be found. */
  readonly #labels: Readonly<Record<string, string>>;

  /** @param purpose for people: which image is tried */
  readonly #engine: Engine;

  constructor(engine: Engine, purpose: string) {
    this.#engine = engine;

    this.#labels = { [processorLabels.sandbox]: purpose };
  }

  /**
   * The image with one more layer, as a platform adds it: some paths become symbolic links.
   *
   * @param links where each link points, by its own path: `{"/input": "/opt/ml/input/data"}`
   */
  async withLinks(reference: string, links: Readonly<Record<string, string>>): Promise<string> {
    return this.#asked(`adding a layer to ${reference}`, async () => {
      // The new image gets this container's settings: they must be the image's own.
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
   * A folder that everybody may write to but root owns.
   *
   * @param content a .tar or .tar.gz of what lies in it; empty when absent
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

  /** Copies a folder's files and folders into a volume; links are followed. */
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

  /** Copies a volume's files into a folder; returns what is neither file nor folder and was left out. */
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

  /** A text file of the image; null when it has none of at most 1 MiB at this path. */
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
  async start(options: SandboxContainer, signal?: AbortSignal): Promise<RunningContainer> {
    const { reference, user, command, environment, memoryBytes, dataLimitBytes } = options;
    return this.#asked(`starting ${reference}`, async () => {
      const container = await this.#create({
        Image: reference,
        Env: [...environment],
        ...(user === null ? {} : { User: user }),
        ...(command === null ? {} : { Cmd: [...command] }),
        HostConfig: {
          NetworkMode: "none",
          ReadonlyRootfs: true,
          CapDrop: ["ALL"],
          SecurityOpt: ["no-new-privileges"],
          Memory: memoryBytes,
          MemorySwap: memoryBytes,
          ShmSize: options.sharedMemoryBytes,
          Tmpfs: Object.fromEntries(["/tmp", ...options.writable].map((path) => [path, "exec,mode=0777"])),
          Ulimits:
            dataLimitBytes === null ? [] : [{ Name: "data", Soft: dataLimitBytes, Hard: dataLimitBytes }],
          // The engine's own drivers cut lines and replace what is not UTF-8.
          LogConfig: { Type: "none", Config: {} },
          Mounts: options.mounts.map(({ volume, target, isReadOnly }) => ({
            ...volumeMount(volume.name),
            Target: target,
            ReadOnly: isReadOnly,
          })),
        },
      });
      return startContainer({ engine: this.#engine, container, ...(signal === undefined ? {} : { signal }) });
    });
  }

  /** Starts a program beside the processor, in its network and with its volumes, as the platform's own shim. */
  async startBeside(options: {
    readonly reference: string;
    readonly processor: RunningContainer;
    readonly entrypoint: readonly string[];
    readonly volumes: readonly SandboxMount[];
  }): Promise<RunningContainer> {
    const { reference, processor, entrypoint, volumes } = options;
    return this.#asked("starting a program beside the processor", async () => {
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
      return startContainer({ engine: this.#engine, container });
    });
  }

  /** Takes away all that was made, newest first; what fails does not keep the rest. */
  async remove(): Promise<void> {
    const failures: unknown[] = [];
    for (const cleanup of this.#cleanups.splice(0).reverse()) {
      await cleanup().catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0) throw engineError(failures[0], "cleaning up", "ENGINE_FAILED");
  }

  /** A container that never runs: files are put into it and taken out of it. */
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

/** Where a container that only carries files has its volume. */
const volumeTarget = "/nnunet-processor-volume/data";

const volumeMount = (name: string) => ({ Type: "volume" as const, Source: name, Target: volumeTarget });

const maxTextBytes = 1 << 20;

const ofRoot = { uid: 0, gid: 0, mtime: new Date(0) };

/** A tar of entries without content. */
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
  if (!isNotFound(error)) throw error;
}
