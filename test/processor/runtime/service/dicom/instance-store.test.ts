import { appendFileSync, cpSync, readdirSync, readFileSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { InstanceStore } from "../../../../../processor/runtime/service/dicom/store/instance-store.js";
import { readInstance } from "../../../../../processor/runtime/service/dicom/store/read-instance.js";
import {
  fillStore,
  openTestStore,
  roomyStore,
  type TestStore,
} from "../../../../support/dicom/test-store.js";
import { goldenPath } from "../../../../support/golden.js";

const series = goldenPath("dicom", "sources", "ct_axial");
const files = readdirSync(series).sort();
let opened: TestStore;

beforeEach(async () => {
  opened = await openTestStore();
});
afterEach(() => opened.remove());

const count = (store: InstanceStore): number =>
  [...store.studies()].flatMap((study) => store.seriesOf(study).map(({ instances }) => instances.size))[0] ??
  0;

test("objects are found again after a restart, and what had not arrived completely is gone", async () => {
  await fillStore(opened.store, series);
  cpSync(join(series, files[0]!), opened.store.newPath());
  const again = await InstanceStore.open(opened.folder, roomyStore);
  expect(count(again)).toBe(files.length);
  expect(readdirSync(join(opened.folder, "incoming"))).toEqual([]);
  const [study = ""] = again.studies();
  const [found] = again.seriesOf(study);
  expect(readdirSync(again.folderOf(found!)).length).toBe(files.length);
});

test("the same object again changes nothing, and another one with its UID is refused", async () => {
  await fillStore(opened.store, series);
  await fillStore(opened.store, series);
  expect(count(opened.store)).toBe(files.length);
  const path = opened.store.newPath();
  cpSync(join(series, files[0]!), path);
  const facts = await readInstance(path);
  appendFileSync(path, Buffer.alloc(2));
  await expect(opened.store.take(path, facts)).rejects.toMatchObject({ code: "DICOM_UID_TAKEN" });
  expect(readdirSync(join(opened.folder, "incoming"))).toEqual([]);
});

test("two arrivals of one object at once leave one", async () => {
  const paths = [opened.store.newPath(), opened.store.newPath()];
  for (const path of paths) cpSync(join(series, files[0]!), path);
  const arrivals = await Promise.all(
    paths.map(async (path) => opened.store.take(path, await readInstance(path))),
  );
  expect(arrivals.map(({ isNew }) => isNew).sort()).toEqual([false, true]);
  expect(count(opened.store)).toBe(1);
});

test("a store that is full takes no more", async () => {
  opened.remove();
  opened = await openTestStore({ maxBytes: 1 << 30, maxInstances: 2 });
  await expect(fillStore(opened.store, series)).rejects.toMatchObject({ code: "DICOM_STORE_FULL" });
  expect(count(opened.store)).toBe(2);
});

test("an object that was cut is not taken", async () => {
  const path = opened.store.newPath();
  cpSync(join(series, files[0]!), path);
  truncateSync(path, readFileSync(path).length - 1);
  await expect(readInstance(path)).rejects.toMatchObject({ code: "DICOM_BROKEN_FILE" });
});

test("studies to which nothing came for a while are swept away", async () => {
  await fillStore(opened.store, series);
  await opened.store.sweep(Date.now() - 3_600_000);
  expect(count(opened.store)).toBe(files.length);
  await opened.store.sweep(Date.now() + 1000);
  expect(count(opened.store)).toBe(0);
  expect(readdirSync(join(opened.folder, "studies"))).toEqual([]);
});
