import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { processTag } from "../../../../processor/files/process-tag.js";
import {
  type ClaimOptions,
  claimFileName,
  deadPolls,
  withClaimedFolds,
} from "../../../../src/nnunet/training/claim-folds.js";
import { neverStopped } from "../../../support/never-stopped.js";
import { tagOfKilledProcess } from "../../../support/programs/killed-process.js";

let scratch = "";
let fold = "";
let warnings: string[];
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "claim-folds-"));
  fold = join(scratch, "model", "fold_0");
  warnings = [];
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(scratch, { recursive: true });
});

const options = (pause = async (): Promise<void> => {}): ClaimOptions => ({
  environment: process.env,
  onWarning: (text) => warnings.push(text),
  signal: neverStopped(),
  pause,
});

const claimed = <T>(action: () => T, pause?: () => Promise<void>): Promise<T> =>
  withClaimedFolds([fold], options(pause), async () => action());

/** Writes the claim of another process. */
function writeClaim(process: string, host = "node7", trainer: object | null = null): void {
  mkdirSync(fold, { recursive: true });
  const owner = { host, pid: 4711, process, token: "t", started: "2026-11-28T22:10:03.120Z", trainer };
  writeFileSync(join(fold, claimFileName), JSON.stringify(owner));
}

const ofAnotherMachine = "0123456789ab-4711-1";

test("only one of many has a fold, and the others learn which process trains it", async () => {
  let inside = 0;
  const all = Array.from({ length: 10 }, () =>
    claimed(() => {
      inside += 1;
      return new Promise((resolve) => setImmediate(resolve));
    }),
  );
  const found = await Promise.allSettled(all);
  const refused = found.filter(({ status }) => status === "rejected");
  expect(inside + refused.length).toBe(10);
  expect(refused.length).toBeGreaterThan(0);
  for (const one of refused)
    expect(one).toMatchObject({
      reason: {
        code: "FOLD_IN_USE",
        message: expect.stringMatching(
          `^${fold}: process ${process.pid} on ${hostname()}, started at 20.*Z, trains there$`,
        ),
      },
    });
});

test("folders that were made for a claim do not stay if nothing was trained in them", async () => {
  await expect(
    claimed(() => {
      expect(existsSync(join(fold, claimFileName))).toBe(true);
      throw new Error("no program");
    }),
  ).rejects.toThrow("no program");
  expect(existsSync(join(scratch, "model"))).toBe(false);
  await claimed(() => writeFileSync(join(fold, "checkpoint_best.pth"), ""));
  expect(existsSync(join(fold, "checkpoint_best.pth"))).toBe(true);
  expect(existsSync(join(fold, claimFileName))).toBe(false);
});

test("a command that cannot have one of its folds keeps none of them", async () => {
  writeClaim(processTag());
  const other = join(scratch, "model", "fold_1");
  const both = withClaimedFolds([other, fold], options(), async () => {});
  await expect(both).rejects.toMatchObject({ code: "FOLD_IN_USE" });
  await withClaimedFolds([other], options(), async () => {});
});

test("the claim of a process of this machine that was killed is taken over at once", async () => {
  writeClaim(await tagOfKilledProcess(), hostname());
  let pauses = 0;
  const pause = async (): Promise<void> => {
    pauses += 1;
  };
  expect(await claimed(() => "trains", pause)).toBe("trains");
  expect(pauses).toBe(0);
});

test("a process that was killed keeps its fold as long as the nnU-Net that it started lives", async () => {
  const killed = await tagOfKilledProcess();
  writeClaim(killed, hostname(), { pid: process.pid, process: processTag(), container: null });
  await expect(claimed(() => {})).rejects.toMatchObject({
    code: "FOLD_IN_USE",
    message: expect.stringContaining(
      `was killed, but its nnU-Net (process ${process.pid}) still trains there; let it train to its end, or end it with \`kill -- -${process.pid}\``,
    ),
  });
  writeClaim(killed, hostname(), { pid: 4712, process: killed, container: null });
  expect(await claimed(() => "trains")).toBe("trains");
});

test("a sign of life from another machine keeps its claim, whatever the clock there says", async () => {
  writeClaim(ofAnotherMachine);
  let polls = 0;
  const pause = async (): Promise<void> => {
    polls += 1;
    const dayAgo = new Date(Date.now() - 86_400_000);
    if (polls === deadPolls) utimesSync(join(fold, claimFileName), dayAgo, dayAgo);
  };
  await expect(claimed(() => {}, pause)).rejects.toMatchObject({
    code: "FOLD_IN_USE",
    message: `${fold}: process 4711 on node7, started at 2026-11-28T22:10:03.120Z, trains there`,
  });
  expect(warnings[0]).toContain("process 4711 on node7");
});

test("a claim of another machine, or of this one before a restart, without a sign of life is taken over", async () => {
  writeClaim(ofAnotherMachine, "node7", { pid: 1, process: "x", container: "nnunet-train-4711-0" });
  let polls = 0;
  const pause = async (): Promise<void> => {
    polls += 1;
  };
  expect(await claimed(() => "trains", pause)).toBe("trains");
  expect(polls).toBe(deadPolls);
  expect(warnings[1]).toMatch(
    /has ended without a word, and is forgotten; if its container still runs there, `docker stop nnunet-train-4711-0` ends it$/,
  );
});

test("half a claim, which a full disk or a power cut has left, does not block the fold for ever", async () => {
  mkdirSync(fold, { recursive: true });
  writeFileSync(join(fold, claimFileName), '{"host": "no');
  expect(await claimed(() => "trains")).toBe("trains");
  expect(warnings[0]).toContain("a process that its claim does not name");
});

test("a training that was taken over, because its machine slept, learns it with its next sign of life", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  await withClaimedFolds([fold], options(), async (claimOf) => {
    const { lost } = claimOf(fold);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(lost.aborted).toBe(false);
    writeClaim(ofAnotherMachine);
    const aborted = new Promise((resolve) => lost.addEventListener("abort", resolve));
    await vi.advanceTimersByTimeAsync(10_000);
    await aborted;
    expect(lost.reason).toMatchObject({ code: "FOLD_IN_USE" });
  });
  // The other one's claim stays.
  expect(JSON.parse(readFileSync(join(fold, claimFileName), "utf8"))).toMatchObject({ host: "node7" });
});
