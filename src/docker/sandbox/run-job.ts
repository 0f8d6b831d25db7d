import { mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { makeFolder } from "../../../processor/files/make-folder.js";
import { regularFileBytes } from "../../../processor/files/read-text-file.js";
import { makeTemporaryFolder } from "../../../processor/files/temporary-folder.js";
import { writeFileWhole } from "../../../processor/files/write-file.js";
import type { Engine } from "../engine.js";
import type { ContainerEnd, OutputListener } from "./container-run.js";
import { type GpuChoice, Sandbox, type SandboxMount } from "./sandbox.js";

/** A run of an image on files of this machine, which are copied into the engine: it may be on another machine. */
export interface ContainerJob {
  readonly reference: string;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly environment: readonly string[];
  /** The folders that the container may only read. */
  readonly inputs: readonly JobFolder[];
  /** Folders that are empty at first, and deleted in the end. */
  readonly scratch: readonly string[];
  /** The folder whose files are copied into `outputDir`. */
  readonly outputTarget: string;
  readonly outputDir: string;
  readonly gpus: GpuChoice | null;
  readonly onOutput: OutputListener;
  readonly signal: AbortSignal;
}

/** A folder of the container, and the files or folders of this machine that it holds, by their paths in it. */
export interface JobFolder {
  readonly target: string;
  readonly contents: ReadonlyMap<string, string>;
}

export interface JobEnd extends ContainerEnd {
  /** What the container wrote to stdout, or its beginning. */
  readonly output: string;
  /** The files in `outputDir`. */
  readonly files: readonly string[];
}

/**
 * Runs a container to its end, as its image's own user, without a network, and with the files that it needs. What it has
 * written belongs to the user who calls, also after a failure.
 *
 * @throws ENGINE_FAILED; the signal's reason if the run was stopped
 */
export async function runContainerJob(engine: Engine, job: ContainerJob): Promise<JobEnd> {
  const { reference, signal } = job;
  const sandbox = new Sandbox(engine, reference);
  const staging = await makeTemporaryFolder("job", null);
  try {
    const mounts: SandboxMount[] = [];
    for (const [i, { target, contents }] of job.inputs.entries()) {
      const volume = await sandbox.createVolume(reference);
      await sandbox.fill(volume, await linked(join(staging, `${i}`), contents));
      mounts.push({ volume, target, isReadOnly: true });
    }
    for (const target of job.scratch)
      mounts.push({ volume: await sandbox.createVolume(reference), target, isReadOnly: false });
    const output = await sandbox.createVolume(reference);
    mounts.push({ volume: output, target: job.outputTarget, isReadOnly: false });
    const { command, entrypoint, environment, gpus, onOutput } = job;
    const running = await sandbox.start(
      {
        reference,
        user: null,
        entrypoint,
        command,
        environment,
        mounts,
        writable: [],
        memoryBytes: null,
        dataLimitBytes: null,
        sharedMemoryBytes: null,
        gpus,
        onOutput,
      },
      signal,
    );
    const end = await running.ended;
    signal.throwIfAborted();
    const collected = await mkdtemp(join(staging, "output-"));
    await sandbox.collect(output, collected);
    return { ...end, output: running.output(), files: await copyAll(collected, job.outputDir) };
  } finally {
    await sandbox.remove();
    await rm(staging, { recursive: true, force: true });
  }
}

/** Makes a folder of links, which are followed when it is copied. */
async function linked(folder: string, contents: ReadonlyMap<string, string>): Promise<string> {
  await makeFolder(folder);
  for (const [path, source] of contents) {
    const place = join(folder, path);
    await makeFolder(dirname(place));
    await symlink(source, place);
  }
  return folder;
}

/** Copies every file into another folder, each one whole. */
async function copyAll(from: string, to: string): Promise<readonly string[]> {
  await makeFolder(to);
  const found = await readdir(from, { recursive: true, withFileTypes: true });
  const files: string[] = [];
  for (const entry of found.filter((one) => one.isFile())) {
    const path = join(entry.parentPath, entry.name);
    const place = join(to, path.slice(from.length + 1));
    await makeFolder(dirname(place));
    await writeFileWhole(place, regularFileBytes(path));
    files.push(place);
  }
  return files.sort();
}
