import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { lockBase, lockSource, readLockedBase, readLockedSource } from "../../src/download/lock-file.js";
import { lockFileName } from "../../src/download/lock-file-name.js";
import { neverStopped } from "../support/never-stopped.js";

let folder = "";
let lockFile = "";
const digestOf = (letter: string) => letter.repeat(64);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lock-file-"));
  lockFile = join(folder, lockFileName);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const placeOf = (lockFile: string) => ({ lockFile, signal: neverStopped() });

describe("processor.lock.json", () => {
  test("locks nothing if it does not exist", async () => {
    expect(await readLockedSource(lockFile, "zenodo:1/a.zip")).toBeNull();
    expect(await readLockedSource(lockFile, "__proto__")).toBeNull();
  });

  test("has the same text for any order of the addresses", async () => {
    const sources = [
      { address: "zenodo:2/b.zip", sha256: digestOf("b"), size: 2 },
      { address: "zenodo:1/a.zip", sha256: digestOf("a"), size: 1 },
    ];
    for (const { address, ...locked } of sources) await lockSource(placeOf(lockFile), address, locked);
    const text = await readFile(lockFile, "utf8");
    await rm(lockFile);
    for (const { address, ...locked } of sources.toReversed())
      await lockSource(placeOf(lockFile), address, locked);
    expect(await readFile(lockFile, "utf8")).toBe(text);
    expect(await readLockedSource(lockFile, "zenodo:1/a.zip")).toEqual({ sha256: digestOf("a"), size: 1 });
  });

  test("keeps every address of builds that write it at the same time", async () => {
    const addresses = Array.from({ length: 12 }, (_, i) => `zenodo:${i}/a.zip`);
    await Promise.all(
      addresses.map((address) => lockSource(placeOf(lockFile), address, { sha256: digestOf("c"), size: 3 })),
    );
    for (const address of addresses) expect(await readLockedSource(lockFile, address)).not.toBeNull();
    expect(await readdir(folder)).toEqual([lockFileName]);
  });

  test("is not overwritten if it cannot be read", async () => {
    await writeFile(lockFile, "{ not json");
    await expect(
      lockSource(placeOf(lockFile), "zenodo:1/a.zip", { sha256: digestOf("a"), size: 1 }),
    ).rejects.toMatchObject({ code: "LOCK_INVALID" });
    expect(await readFile(lockFile, "utf8")).toBe("{ not json");
  });

  test("in a missing folder is an error of the catalogue", async () => {
    const nowhere = join(folder, "nowhere", lockFileName);
    await expect(
      lockSource(placeOf(nowhere), "zenodo:1/a.zip", { sha256: digestOf("a"), size: 1 }),
    ).rejects.toMatchObject({ code: "OUTPUT_UNWRITABLE" });
  });
});

const entry = `{"sha256": "${digestOf("a")}", "size": 1}`;

describe("a processor.lock.json that is wrong is refused with its name and the fault:", () => {
  test.each([
    ["nothing in it", "", "it is not JSON"],
    ["a truncated text", `{"lockVersion": 1, "sources": {"a": ${entry}`, "it is not JSON"],
    ["a merge conflict", `<<<<<<< HEAD\n{}\n=======\n{}\n>>>>>>> b\n`, "it is not JSON"],
    ["a list", "[]", "it has an unexpected form: the document should be an object"],
    ["no version", "{}", "lockVersion is missing"],
    ["a version as text", '{"lockVersion": "1", "sources": {}}', "lockVersion should be a whole number"],
    [
      "a later version",
      '{"lockVersion": 2, "things": []}',
      "lockVersion is 2; this version of the program reads 1",
    ],
    ["no sources", '{"lockVersion": 1}', "sources is missing"],
    ["sources as a list", '{"lockVersion": 1, "sources": []}', "sources should be an object"],
    ["a source as text", '{"lockVersion": 1, "sources": {"a": "b"}}', "sources.a should be an object"],
    [
      "a digest of another kind",
      '{"lockVersion": 1, "sources": {"a": {"sha256": "md5:0", "size": 1}}}',
      "sources.a.sha256 should be 64 hexadecimal digits",
    ],
    [
      "a size below zero",
      `{"lockVersion": 1, "sources": {"a": {"sha256": "${digestOf("a")}", "size": -1}}}`,
      "sources.a.size should be a whole number, 0 or more",
    ],
    [
      "a base image without algorithm",
      `{"lockVersion": 1, "sources": {}, "baseImages": {"debian": "${digestOf("a")}"}}`,
      "baseImages.debian should be sha256: and 64",
    ],
    [
      "an address twice",
      `{"lockVersion": 1, "sources": {"a": ${entry}, "b": ${entry}, "\\u0061": ${entry}}}`,
      "it has two entries with the name a",
    ],
    [
      "sources twice",
      `{"lockVersion": 1, "sources": {"a": ${entry}}, "sources": {}}`,
      "it has two entries with the name sources",
    ],
    ["an oversized text", " ".repeat(2 ** 24 + 1), "it has 16777217 bytes"],
  ])("%s", async (_, text, problem) => {
    await writeFile(lockFile, text);
    for (const read of [() => readLockedSource(lockFile, "a"), () => readLockedBase(lockFile, "debian")])
      await expect(read()).rejects.toMatchObject({
        code: "LOCK_INVALID",
        message: expect.stringMatching(new RegExp(`^${lockFile}: .*${problem}`)),
      });
    await expect(lockBase(placeOf(lockFile), "debian", `sha256:${digestOf("b")}`)).rejects.toMatchObject({
      code: "LOCK_INVALID",
    });
    expect(await readFile(lockFile, "utf8")).toBe(text);
  });

  test("one name in two objects is not a repetition", async () => {
    const digest = `sha256:${digestOf("b")}`;
    await writeFile(
      lockFile,
      `{"lockVersion": 1, "sources": {"a": ${entry}}, "baseImages": {"a": "${digest}"}}`,
    );
    expect(await readLockedBase(lockFile, "a")).toBe(digest);
  });

  test("after it was deleted, as the remedy suggests, the next build locks again", async () => {
    await writeFile(lockFile, "{");
    await rm(lockFile);
    await lockSource(placeOf(lockFile), "a", { sha256: digestOf("a"), size: 1 });
    expect(await readLockedSource(lockFile, "a")).toEqual({ sha256: digestOf("a"), size: 1 });
  });
});
