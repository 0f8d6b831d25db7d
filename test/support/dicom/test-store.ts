import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  InstanceStore,
  type StoreLimits,
} from "../../../processor/runtime/service/dicom/store/instance-store.js";
import { readInstance } from "../../../processor/runtime/service/dicom/store/read-instance.js";

export const roomyStore: StoreLimits = { maxBytes: 1 << 30, maxInstances: 10_000 };

export interface TestStore {
  readonly store: InstanceStore;
  readonly folder: string;
  remove(): void;
}

/** Opens a store in a folder of its own. */
export async function openTestStore(limits: StoreLimits = roomyStore): Promise<TestStore> {
  const folder = mkdtempSync(join(tmpdir(), "store-"));
  return {
    store: await InstanceStore.open(folder, limits),
    folder,
    remove: () => rmSync(folder, { recursive: true }),
  };
}

/** Puts copies of the files of a folder into a store. */
export async function fillStore(store: InstanceStore, source: string): Promise<void> {
  for (const name of readdirSync(source).sort()) {
    const path = store.newPath();
    cpSync(join(source, name), path);
    await store.take(path, await readInstance(path));
  }
}
