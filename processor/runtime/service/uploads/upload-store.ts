import { createHash, type Hash, randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { copyFile, link, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { makeFolder } from "../../../files/make-folder.js";
import { outputError } from "../../../files/write-file.js";
import { serviceError } from "../errors.js";
import { cleanName, UploadNames } from "./clean-name.js";
import { contentName, digestOf, leftUpload, noteUpload, noteVerified } from "./left-uploads.js";
import { WriteBehind } from "./write-behind.js";

/** A file that a client sends in parts. */
export interface Upload {
  readonly id: string;
  readonly name: string;
  readonly client: string;
  /** The bytes that have arrived. */
  readonly received: number;
  /** The bytes of the whole file. */
  readonly bytes: number;
  /** The wanted digest; null for none. */
  readonly sha256: string | null;
  readonly isComplete: boolean;
}

interface OpenUpload {
  readonly id: string;
  readonly name: string;
  readonly client: string;
  readonly bytes: number;
  readonly sha256: string | null;
  received: number;
  /** The digest of what is written; null until it is read again, after a restart or a failure. */
  hash: Hash | null;
  isBusy: boolean;
  /** By a clock that nobody sets, so that a correction of the time forgets nothing. */
  changedMs: number;
}

const mostUploads = 1000;
/** One client leaves room for others. */
const mostUploadsOfClient = 500;
const forgottenMs = 24 * 3_600_000;

/** The end of the name of a folder whose files are not all there yet. */
export const arrivingEnding = ".arriving";

/** Files that arrive in parts, below one folder, also over a restart of the server. They are forgotten after a day. */
export class UploadStore {
  readonly #folder: string;
  readonly #maxBytes: number;
  readonly #uploads = new Map<string, OpenUpload>();

  constructor(folder: string, maxBytes: number) {
    this.#folder = folder;
    this.#maxBytes = maxBytes;
  }

  /** Finds the uploads that an earlier server took, and removes everything else. */
  async open(): Promise<void> {
    await makeFolder(this.#folder, 0o700);
    for (const name of await readdir(this.#folder)) {
      const left = await leftUpload(join(this.#folder, name), name);
      if (left === null) await rm(join(this.#folder, name), { recursive: true, force: true });
      else {
        const { ageMs, ...rest } = left;
        const changedMs = performance.now() - ageMs;
        this.#uploads.set(name, { ...rest, hash: null, isBusy: false, changedMs });
      }
    }
    await this.sweep();
  }

  /** @throws UPLOAD_TOO_LARGE, FILE_NAME_INVALID, QUEUE_FULL */
  async create(wanted: Pick<Upload, "name" | "client" | "bytes" | "sha256">): Promise<Upload> {
    if (wanted.bytes > this.#maxBytes)
      throw serviceError(
        "UPLOAD_TOO_LARGE",
        `the file has ${wanted.bytes} bytes, but at most ${this.#maxBytes} are taken`,
      );
    await this.sweep();
    if (this.#uploads.size >= mostUploads)
      throw serviceError("QUEUE_FULL", `${mostUploads} uploads are open, which is the most`);
    const own = [...this.#uploads.values()].filter(({ client }) => client === wanted.client).length;
    if (own >= mostUploadsOfClient)
      throw serviceError(
        "QUEUE_FULL",
        `${own} uploads of ${wanted.client} are open, which is the most of one client; finish or remove some`,
      );
    const upload: OpenUpload = {
      ...wanted,
      id: randomUUID(),
      name: cleanName(wanted.name),
      received: 0,
      hash: createHash("sha256"),
      isBusy: false,
      changedMs: performance.now(),
    };
    try {
      await mkdir(join(this.#folder, upload.id), { mode: 0o700 });
      await noteUpload(join(this.#folder, upload.id), upload);
      await (await open(this.#pathOf(upload), "wx", 0o600)).close();
    } catch (error) {
      await rm(join(this.#folder, upload.id), { recursive: true, force: true });
      throw outputError(this.#folder, error);
    }
    this.#uploads.set(upload.id, upload);
    return shown(upload);
  }

  /** @throws UPLOAD_UNKNOWN, also for another client's */
  get(id: string, client: string): Upload {
    return shown(this.#find(id, client));
  }

  /**
   * Adds bytes at the end of what has arrived. What arrived of a part that broke off is kept.
   *
   * @throws UPLOAD_INVALID for bytes at another place, too many bytes, or another digest at the end
   */
  async append(id: string, client: string, from: number, body: AsyncIterable<Uint8Array>): Promise<Upload> {
    const upload = this.#find(id, client);
    if (upload.isBusy) throw serviceError("UPLOAD_INVALID", "another part of the file is arriving");
    if (from !== upload.received)
      throw serviceError(
        "UPLOAD_INVALID",
        `the next byte is ${upload.received}, but the part begins at ${from}`,
      );
    upload.isBusy = true;
    try {
      await this.#write(upload, body);
    } finally {
      upload.isBusy = false;
      upload.changedMs = performance.now();
    }
    if (upload.received === upload.bytes) await this.#complete(upload);
    return shown(upload);
  }

  /**
   * Returns the names of finished uploads.
   *
   * @throws UPLOAD_UNKNOWN; UPLOAD_INVALID for one that is not complete; FILE_NAME_INVALID for names that cannot
   * share a folder
   */
  namesOf(ids: readonly string[], client: string): readonly string[] {
    const uploads = ids.map((id) => this.#find(id, client));
    const open = uploads.find(({ received, bytes, isBusy }) => received < bytes || isBusy);
    if (open !== undefined)
      throw serviceError(
        "UPLOAD_INVALID",
        `the upload ${open.id} has ${open.received} of ${open.bytes} bytes`,
      );
    const names = new UploadNames();
    for (const { name } of uploads) names.add(name);
    return names.all;
  }

  /** Returns where the bytes of uploads are, with the names of the files. */
  filesOf(
    ids: readonly string[],
    client: string,
  ): readonly { readonly path: string; readonly name: string }[] {
    return ids
      .map((id) => this.#find(id, client))
      .map((upload) => ({ path: this.#pathOf(upload), name: upload.name }));
  }

  /**
   * Moves finished files into the folder of a job, which appears with all of them or, after an error, not at all. A crash leaves
   * the uploads as they were, and at most a folder that ends with `arrivingEnding`.
   */
  async take(ids: readonly string[], client: string, folder: string): Promise<void> {
    this.namesOf(ids, client);
    const uploads = ids.map((id) => this.#find(id, client));
    for (const { id } of uploads) this.#uploads.delete(id);
    const arriving = `${folder}${arrivingEnding}`;
    try {
      await makeFolder(arriving, 0o700);
      for (const upload of uploads) {
        const path = join(arriving, upload.name);
        await makeFolder(dirname(path), 0o700);
        // Not every disk has hard links.
        await link(this.#pathOf(upload), path).catch(() =>
          copyFile(this.#pathOf(upload), path, constants.COPYFILE_EXCL),
        );
      }
      await rename(arriving, folder);
    } catch (error) {
      for (const upload of uploads) this.#uploads.set(upload.id, upload);
      await rm(arriving, { recursive: true, force: true });
      throw outputError(folder, error);
    }
    // The job has its files; what is left of an upload is found at the next start, and swept after a day.
    for (const upload of uploads) await this.#forget(upload).catch(() => {});
  }

  async remove(id: string, client: string): Promise<void> {
    await this.#forget(this.#find(id, client));
  }

  /** Removes uploads that nothing has been added to for a day. */
  async sweep(): Promise<void> {
    const nowMs = performance.now();
    for (const upload of [...this.#uploads.values()])
      if (!upload.isBusy && nowMs - upload.changedMs > forgottenMs) await this.#forget(upload);
  }

  async #write(upload: OpenUpload, body: AsyncIterable<Uint8Array>): Promise<void> {
    const path = this.#pathOf(upload);
    const start = upload.received;
    const hash = upload.hash ?? (await digestOf(path, start));
    const file = await open(path, "r+");
    const written = new WriteBehind(file, start);
    let arrived = start;
    try {
      for await (const part of body) {
        if (arrived + part.length > upload.bytes)
          throw serviceError(
            "UPLOAD_INVALID",
            `the file has more than the ${upload.bytes} bytes that were announced`,
          );
        hash.update(part);
        arrived += part.length;
        await written.add(part);
        upload.received = written.end;
      }
      await written.flush();
    } catch (error) {
      // What arrived of a part that broke off is kept, unless writing is what failed.
      await written.flush().catch(() => undefined);
      throw outputError(path, error);
    } finally {
      upload.received = written.end;
      upload.hash = written.end === arrived ? hash : null;
      await file.close();
    }
  }

  async #complete(upload: OpenUpload): Promise<void> {
    const found = upload.hash!.copy().digest("hex");
    if (upload.sha256 === null) return;
    if (upload.sha256 === found) {
      await noteVerified(join(this.#folder, upload.id));
      return;
    }
    await this.#forget(upload);
    throw serviceError(
      "UPLOAD_INVALID",
      `the file's SHA-256 is ${found}, but ${upload.sha256} was announced`,
    );
  }

  #find(id: string, client: string): OpenUpload {
    const found = this.#uploads.get(id);
    if (found !== undefined && found.client === client) return found;
    throw serviceError("UPLOAD_UNKNOWN", `there is no upload ${JSON.stringify(id.slice(0, 80))}`);
  }

  async #forget(upload: OpenUpload): Promise<void> {
    this.#uploads.delete(upload.id);
    await rm(join(this.#folder, upload.id), { recursive: true, force: true });
  }

  #pathOf({ id }: OpenUpload): string {
    return join(this.#folder, id, contentName);
  }
}

function shown({ id, name, client, received, bytes, sha256 }: OpenUpload): Upload {
  return { id, name, client, received, bytes, sha256, isComplete: received === bytes };
}
