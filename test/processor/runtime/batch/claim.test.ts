import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { processTag } from "../../../../processor/files/process-tag.js";
import { type Claim, Claims, staleMs } from "../../../../processor/runtime/batch/claim.js";

let folder = "";
let path = "";
let nowMs = 0;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "claims-"));
  path = join(folder, "a.lock");
  nowMs = 0;
});
afterEach(() => rmSync(folder, { recursive: true }));

const claims = () => new Claims(() => nowMs);

async function claimed(by: Claims): Promise<Claim> {
  const found = await by.attempt(path);
  if (found.kind !== "claimed") throw new Error(`claimed by ${found.host}`);
  return found.claim;
}

/** Writes the claim of a process on another machine. */
function writeForeignClaim(deaths = 0): void {
  const owner = { host: "node7", pid: 1, process: "0123456789ab-1-1", token: "t", started: "now", deaths };
  writeFileSync(path, JSON.stringify(owner));
}

test("only one of many gets a claim, and after its release another one does", async () => {
  const found = await Promise.all(Array.from({ length: 20 }, () => claims().attempt(path)));
  const own = found.flatMap((one) => (one.kind === "claimed" ? [one.claim] : []));
  expect(own).toHaveLength(1);
  await own[0]!.release();
  expect(readdirSync(folder)).toEqual([]);
  await (await claimed(claims())).release();
});

test("a claim of another machine is taken over when it has shown no sign of life for two minutes", async () => {
  writeForeignClaim();
  const own = claims();
  expect(await own.attempt(path)).toEqual({ kind: "foreign", host: "node7" });
  nowMs = staleMs;
  expect(await own.attempt(path)).toMatchObject({ kind: "foreign" });
  nowMs = staleMs + 1;
  expect(await claimed(own)).toMatchObject({ deaths: 1, diedOn: "node7" });
});

test("a sign of life keeps a claim, whatever the clock of its machine says", async () => {
  writeForeignClaim();
  const own = claims();
  const hourMs = 3_600_000;
  for (const [i, shift] of [-hourMs, hourMs, 0, -24 * hourMs].entries()) {
    const beat = new Date(Date.now() + shift);
    utimesSync(path, beat, beat);
    nowMs = i * (staleMs - 1);
    expect(await own.attempt(path)).toMatchObject({ kind: "foreign" });
  }
});

test("a claim that is an hour old by the clock is kept, because the clock may have jumped", async () => {
  writeForeignClaim();
  const hourAgo = new Date(Date.now() - 3_600_000);
  utimesSync(path, hourAgo, hourAgo);
  expect(await claims().attempt(path)).toMatchObject({ kind: "foreign" });
});

test("a claim of a process of this machine that has ended is taken over at once, and its deaths are counted", async () => {
  const { pid } = spawnSync("true");
  const [machine] = processTag().split("-");
  const dead = { host: "here", pid, process: `${machine}-${pid}-1`, token: "t", started: "now", deaths: 1 };
  writeFileSync(path, JSON.stringify(dead));
  expect(await claimed(claims())).toMatchObject({ deaths: 2, diedOn: "here" });
});

test("of many that take over a claim, one gets it", async () => {
  writeForeignClaim();
  const all = Array.from({ length: 20 }, () => claims());
  await Promise.all(all.map((one) => one.attempt(path)));
  nowMs = staleMs + 1;
  const found = await Promise.all(all.map((one) => one.attempt(path)));
  expect(found.filter(({ kind }) => kind === "claimed")).toHaveLength(1);
  expect(JSON.parse(readFileSync(path, "utf8"))).toMatchObject({ pid: process.pid, deaths: 1 });
});

test("a release leaves the claim of somebody else alone", async () => {
  const claim = await claimed(claims());
  rmSync(path);
  writeForeignClaim();
  await claim.release();
  expect(JSON.parse(readFileSync(path, "utf8"))).toMatchObject({ host: "node7" });
});
