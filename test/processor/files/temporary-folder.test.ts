import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { processTag } from "../../../processor/files/process-tag.js";
import { makeTemporaryFolder, removeAbandonedFolders } from "../../../processor/files/temporary-folder.js";

let place = "";
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), "places-"));
});
afterEach(() => rmSync(place, { recursive: true }));

/** Makes a folder as a process of this machine with this id did. */
function folderOf(pid: string, start: string): string {
  const [machine] = processTag().split("-");
  const path = join(place, `nnunet-processor-model-${machine}-${pid}-${start}-AbC123`);
  mkdirSync(path);
  writeFileSync(join(path, "weights"), "x");
  return path;
}

test("the folders of killed processes are removed when the next one is made", async () => {
  // A process id is never this large on Linux.
  const killed = folderOf("99999999", "1");
  const [, ownPid = "", ownStart = ""] = processTag().split("-");
  const running = folderOf(ownPid, ownStart);
  const reused = folderOf(ownPid, `${ownStart}1`);
  const made = await makeTemporaryFolder("model", place);
  expect([killed, running, reused, made].map((path) => existsSync(path))).toEqual([false, true, false, true]);
});

test("folders of other machines, of other programs, and links stay", async () => {
  const foreign = join(place, "nnunet-processor-model-0123456789ab-1-1-AbC123");
  mkdirSync(foreign);
  const other = join(place, "nnunet-processor-model");
  mkdirSync(other);
  const link = join(place, "nnunet-processor-model-0123456789ab-1-1-LiNk00");
  symlinkSync(other, link);
  await removeAbandonedFolders(place);
  expect([foreign, other, link].map((path) => existsSync(path))).toEqual([true, true, true]);
  // A folder that did not change for a week belongs to nobody any more.
  const longAgo = new Date(Date.now() - 8 * 24 * 3_600_000);
  utimesSync(foreign, longAgo, longAgo);
  await removeAbandonedFolders(place);
  expect(existsSync(foreign)).toBe(false);
});
