import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { lockFileName, lockSource, readLockedSource } from "../../src/download/lock-file.js";

let folder = "";
let lockFile = "";
const digestOf = (letter: string) => letter.repeat(64);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lock-file-"));
  lockFile = join(folder, lockFileName);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe("processor.lock.json", () => {
  test("locks nothing if it does not exist", async () => {
    expect(await readLockedSource(lockFile, "zenodo:1/a.zip")).toBeNull();
    expect(await readLockedSource(lockFile, "__proto__")).toBeNull();
  });

  test("is the same text whatever order the addresses came in", async () => {
    const sources = [
      { address: "zenodo:2/b.zip", sha256: digestOf("b"), size: 2 },
      { address: "zenodo:1/a.zip", sha256: digestOf("a"), size: 1 },
    ];
    for (const { address, ...locked } of sources) await lockSource(lockFile, address, locked);
    const text = await readFile(lockFile, "utf8");
    await rm(lockFile);
    for (const { address, ...locked } of sources.toReversed()) await lockSource(lockFile, address, locked);
    expect(await readFile(lockFile, "utf8")).toBe(text);
    expect(await readLockedSource(lockFile, "zenodo:1/a.zip")).toEqual({ sha256: digestOf("a"), size: 1 });
  });

  test("keeps every address of builds that write it at the same time", async () => {
    const addresses = Array.from({ length: 12 }, (_, i) => `zenodo:${i}/a.zip`);
    await Promise.all(
      addresses.map((address) => lockSource(lockFile, address, { sha256: digestOf("c"), size: 3 })),
    );
    for (const address of addresses) expect(await readLockedSource(lockFile, address)).not.toBeNull();
    expect(await readdir(folder)).toEqual([lockFileName]);
  });

  test("is not overwritten when it can't be read", async () => {
    await writeFile(lockFile, "{ not json");
    await expect(
      lockSource(lockFile, "zenodo:1/a.zip", { sha256: digestOf("a"), size: 1 }),
    ).rejects.toMatchObject({ code: "LOCK_INVALID" });
    expect(await readFile(lockFile, "utf8")).toBe("{ not json");
  });

  test("in a folder that is not there is an error of the catalogue", async () => {
    const nowhere = join(folder, "nowhere", lockFileName);
    await expect(
      lockSource(nowhere, "zenodo:1/a.zip", { sha256: digestOf("a"), size: 1 }),
    ).rejects.toMatchObject({ code: "OUTPUT_UNWRITABLE" });
  });
});
