import { randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { makeFolder } from "../../../../files/make-folder.js";
import { exchangeError } from "../errors.js";
import { dataSetStart } from "./data-set-start.js";
import { type InstanceFacts, type InstanceUids, isUid, readInstance } from "./read-instance.js";

/** An object of the store. */
export interface StoredInstance extends InstanceFacts {
  readonly path: string;
  readonly bytes: number;
}

export interface StoredSeries {
  readonly study: string;
  readonly uid: string;
  readonly instances: ReadonlyMap<string, StoredInstance>;
}

/** What became of an object that arrived. */
export interface Arrival {
  readonly instance: StoredInstance;
  /** False if the same object was there before. */
  readonly isNew: boolean;
}

export interface StoreLimits {
  readonly maxBytes: number;
  readonly maxInstances: number;
}

type ArrivalListener = (arrival: Arrival) => void;

/** Objects as files `<study>/<series>/<instance>.dcm`, with an index in memory that is made again at each start. */
export class InstanceStore {
  readonly #folder: string;
  readonly #limits: StoreLimits;
  readonly #studies = new Map<string, Map<string, Map<string, StoredInstance>>>();
  readonly #listeners = new Set<ArrivalListener>();
  /** The objects that are being put in their place, so that two arrivals of one object do not race. */
  readonly #arriving = new Map<string, Promise<Arrival>>();
  #bytes = 0;
  #count = 0;

  private constructor(folder: string, limits: StoreLimits) {
    this.#folder = folder;
    this.#limits = limits;
  }

  /** Opens the folder, and removes what an earlier server had not received completely. */
  static async open(folder: string, limits: StoreLimits): Promise<InstanceStore> {
    const store = new InstanceStore(folder, limits);
    await rm(store.#incoming, { recursive: true, force: true });
    await makeFolder(store.#incoming, 0o700);
    await makeFolder(store.#studiesFolder, 0o700);
    await store.#readAll();
    return store;
  }

  get #incoming(): string {
    return join(this.#folder, "incoming");
  }

  get #studiesFolder(): string {
    return join(this.#folder, "studies");
  }

  /** Calls a listener for each object that arrives, also again. */
  onArrival(listener: ArrivalListener): void {
    this.#listeners.add(listener);
  }

  /** Returns a path for an object that is about to arrive. */
  newPath(): string {
    return join(this.#incoming, `${randomBytes(12).toString("hex")}.dcm`);
  }

  /**
   * Puts a file from `newPath` in its place; after an error it is gone.
   *
   * @param facts what `readInstance` found in the file
   * @throws DICOM_UID_TAKEN if another object has its UID; DICOM_STORE_FULL
   */
  async take(path: string, facts: InstanceFacts): Promise<Arrival> {
    try {
      const { instance: uid } = facts.uids;
      const before = this.#arriving.get(uid) ?? Promise.resolve(null);
      const arriving = before.catch(() => null).then(() => this.#place(path, facts));
      this.#arriving.set(uid, arriving);
      const arrival = await arriving.finally(() => {
        if (this.#arriving.get(uid) === arriving) this.#arriving.delete(uid);
      });
      for (const listener of this.#listeners) listener(arrival);
      return arrival;
    } finally {
      await rm(path, { force: true });
    }
  }

  series(study: string, series: string): StoredSeries | null {
    const instances = this.#studies.get(study)?.get(series);
    return instances === undefined ? null : { study, uid: series, instances };
  }

  seriesOf(study: string): readonly StoredSeries[] {
    return [...(this.#studies.get(study) ?? [])].map(([uid, instances]) => ({ study, uid, instances }));
  }

  studies(): Iterable<string> {
    return this.#studies.keys();
  }

  instance({ study, series, instance }: InstanceUids): StoredInstance | null {
    return this.#studies.get(study)?.get(series)?.get(instance) ?? null;
  }

  /** Returns the folder of a series, for a reader of volumes. */
  folderOf({ study, uid }: Pick<StoredSeries, "study" | "uid">): string {
    return join(this.#studiesFolder, study, uid);
  }

  /** Removes one object, such as a result that a newer one replaces. */
  async remove(uids: InstanceUids): Promise<void> {
    const found = this.instance(uids);
    if (found === null) return;
    const { study, series, instance } = uids;
    const ofStudy = this.#studies.get(study)!;
    const ofSeries = ofStudy.get(series)!;
    ofSeries.delete(instance);
    if (ofSeries.size === 0) ofStudy.delete(series);
    if (ofStudy.size === 0) this.#studies.delete(study);
    this.#bytes -= found.bytes;
    this.#count--;
    await rm(found.path, { force: true });
  }

  /** Removes the studies whose last object arrived before a time. */
  async sweep(beforeMs: number): Promise<void> {
    for (const [study, ofStudy] of this.#studies) {
      const instances = [...ofStudy.values()].flatMap((ofSeries) => [...ofSeries.values()]);
      const times = await Promise.all(
        instances.map(({ path }) =>
          stat(path).then(
            ({ ctimeMs }) => ctimeMs,
            () => 0,
          ),
        ),
      );
      if (times.some((time) => time >= beforeMs)) continue;
      for (const { uids } of instances) await this.remove(uids);
      await rm(join(this.#studiesFolder, study), { recursive: true, force: true });
    }
  }

  async #place(path: string, facts: InstanceFacts): Promise<Arrival> {
    const { size: bytes } = await stat(path);
    const known = this.instance(facts.uids);
    if (known !== null) {
      const isSame =
        known.transferSyntaxUid === facts.transferSyntaxUid && (await haveSameData(known.path, path));
      if (isSame) return { instance: known, isNew: false };
      throw exchangeError("DICOM_UID_TAKEN", "another object with the same UID is there already");
    }
    if (this.#count >= this.#limits.maxInstances || this.#bytes + bytes > this.#limits.maxBytes)
      throw exchangeError("DICOM_STORE_FULL", "the store of DICOM objects is full");
    const { study, series, instance } = facts.uids;
    const folder = join(this.#studiesFolder, study, series);
    await makeFolder(folder, 0o700);
    const place = join(folder, `${instance}.dcm`);
    await rename(path, place);
    const stored = { ...facts, path: place, bytes };
    this.#index(stored);
    return { instance: stored, isNew: true };
  }

  #index(stored: StoredInstance): void {
    const { study, series, instance } = stored.uids;
    const ofStudy = this.#studies.get(study) ?? new Map<string, Map<string, StoredInstance>>();
    this.#studies.set(study, ofStudy);
    const ofSeries = ofStudy.get(series) ?? new Map<string, StoredInstance>();
    ofStudy.set(series, ofSeries);
    ofSeries.set(instance, stored);
    this.#bytes += stored.bytes;
    this.#count++;
  }

  async #readAll(): Promise<void> {
    for (const study of await readdir(this.#studiesFolder)) {
      for (const series of isUid(study) ? await readdir(join(this.#studiesFolder, study)) : []) {
        const folder = join(this.#studiesFolder, study, series);
        for (const name of isUid(series) ? await readdir(folder) : []) await this.#read(join(folder, name));
      }
    }
  }

  /** A file that cannot be read any more is left alone, and not shown. */
  async #read(path: string): Promise<void> {
    const facts = await readInstance(path).catch(() => null);
    if (facts === null || join(this.#studiesFolder, ...placeOf(facts.uids)) !== path) return;
    this.#index({ ...facts, path, bytes: (await stat(path)).size });
  }
}

const placeOf = ({ study, series, instance }: InstanceUids): readonly string[] => [
  ...[study, series, `${instance}.dcm`],
];

/** Compares the data sets of two files. Their headers name the programs that wrote them. */
async function haveSameData(one: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all([stat(one), stat(other)]);
  const [start, otherStart] = [await dataSetStart(one), await dataSetStart(other)];
  if (a.size - start !== b.size - otherStart) return false;
  const options = { highWaterMark: chunkBytes };
  const others = createReadStream(other, { ...options, start: otherStart })[Symbol.asyncIterator]();
  for await (const chunk of createReadStream(one, { ...options, start })) {
    const next = await others.next();
    if (next.done === true || !(chunk as Buffer).equals(next.value as Buffer)) {
      await others.return?.();
      return false;
    }
  }
  return true;
}

const chunkBytes = 1 << 16;
