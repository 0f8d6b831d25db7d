import { readdir } from "node:fs/promises";
import { exists } from "../../files/exists.js";
import type { BatchCase } from "./batch-case.js";
import { readBatchFile, readOwnManifest, runDigest } from "./batch-file.js";
import type { BatchFolder } from "./batch-folder.js";
import { type CaseRecord, isOfRun, readRecord } from "./case-record.js";

/** The state of a batch, from its files. */
export interface BatchStatus {
  readonly total: number;
  readonly done: number;
  /** Cases that failed and get no further attempt by themselves. */
  readonly failed: number;
  /** Cases that a process has claimed. */
  readonly running: number;
  readonly waiting: number;
  readonly isCancelled: boolean;
  /** Null before the first case is done, and at the end. */
  readonly secondsLeft: number | null;
  /** The names of the failed cases by the code of their error. */
  readonly failures: Readonly<Record<string, readonly string[]>>;
  readonly cases: readonly CaseRow[];
}

export interface CaseRow {
  readonly case: string;
  readonly state: "done" | "failed" | "running" | "waiting";
  readonly attempts: number;
  /** Null for a case that nobody has computed. */
  readonly host: string | null;
  readonly device: string | null;
  readonly seconds: number | null;
  readonly output: string;
  readonly error: CaseRecord["error"];
}

/**
 * Reads the state of a batch from its files. Schedulers and queues may be wrong about a case, and its files are not.
 *
 * @throws BATCH_NOT_FOUND
 */
export async function batchStatus(folder: BatchFolder): Promise<BatchStatus> {
  const batch = await readBatchFile(folder);
  const { cases } = await readOwnManifest(folder, batch);
  const run = runDigest(batch);
  const claimed = new Set(
    (await readdir(folder.claims).catch(() => [])).filter((name) => name.endsWith(".lock")),
  );
  const records = new Map<string, CaseRecord>();
  for (const one of cases) {
    const record = await readRecord(folder, one.name);
    if (record !== null && isOfRun(record, one, run)) records.set(one.name, record);
  }
  const rows = cases.map((one) => rowOf(one, records.get(one.name) ?? null, claimed.has(`${one.name}.lock`)));
  const count = (state: CaseRow["state"]) => rows.filter((row) => row.state === state).length;
  const failures = new Map<string, string[]>();
  for (const { case: name, state, error } of rows) {
    if (state !== "failed" || error === null) continue;
    const names = failures.get(error.code) ?? [];
    failures.set(error.code, names);
    names.push(name);
  }
  const left = count("waiting") + count("running");
  return {
    total: rows.length,
    done: count("done"),
    failed: count("failed"),
    running: count("running"),
    waiting: count("waiting"),
    isCancelled: await exists(folder.cancelFile),
    secondsLeft: left === 0 ? null : secondsLeft([...records.values()], left),
    failures: Object.fromEntries(failures),
    cases: rows,
  };
}

function rowOf({ name, output }: BatchCase, record: CaseRecord | null, isClaimed: boolean): CaseRow {
  const state = isClaimed ? "running" : record === null || record.mayRetry ? "waiting" : record.state;
  return {
    case: name,
    state,
    attempts: record?.attempts.length ?? 0,
    host: record?.host ?? null,
    device: record?.device ?? null,
    seconds: record?.seconds ?? null,
    output,
    error: record?.error ?? null,
  };
}

/** Estimates the rest from the rate of all machines together so far. */
export function secondsLeft(
  records: readonly Pick<CaseRecord, "state" | "attempts" | "ended">[],
  left: number,
): number | null {
  const done = records.filter(({ state }) => state === "done");
  if (done.length === 0) return null;
  let begin = Number.POSITIVE_INFINITY;
  let end = Number.NEGATIVE_INFINITY;
  for (const { attempts, ended } of done) {
    begin = Math.min(begin, Date.parse(attempts.at(-1)?.started ?? ended));
    end = Math.max(end, Date.parse(ended));
  }
  const seconds = (end - begin) / 1000;
  return (seconds / done.length) * left;
}

/** Returns the state of each case as a table for other programs. */
export function statusCsv({ cases }: BatchStatus): string {
  const head = "case,state,attempts,host,device,seconds,output,error\n";
  const lines = cases.map((row) =>
    [
      ...[row.case, row.state, row.attempts, row.host, row.device],
      ...[row.seconds?.toFixed(3), row.output, row.error?.code],
    ]
      .map((value) => cell(String(value ?? "")))
      .join(","),
  );
  return `${head}${lines.join("\n")}\n`;
}

/** Spreadsheets would compute a cell that begins as a formula does. */
function cell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
