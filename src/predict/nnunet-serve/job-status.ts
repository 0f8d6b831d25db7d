import { mkdir } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { ProcessorError } from "../../../processor/contract/errors.js";
import { anything, recordOf } from "../../../processor/contract/json-check.js";
import { parseOrNull } from "../../../processor/contract/parse-checked.js";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { readTextFile, unreadable } from "../../../processor/files/read-text-file.js";
import { systemError } from "../../../processor/files/system-error.js";
import { writeFileWhole } from "../../../processor/files/write-file.js";
import { type PostOptions, postReport } from "../../download/post-report.js";
import type { WorkContext } from "../../models/work-context.js";
import type { JobWishes } from "./job-words.js";

/** What nnunet_serve reports at the end of a job, with its keys. */
export interface JobStatus {
  readonly job_id: string | null;
  readonly status: string;
  readonly output_log: string;
  readonly output_error: string;
}

/**
 * Runs a job, and reports its end in the log file and at the address that the wishes name.
 *
 * @throws the error that ended the job, after it was reported
 */
export async function withJobStatus<T>(
  job: JobWishes,
  work: WorkContext,
  run: () => Promise<{ readonly result: T; readonly isEmpty: boolean }>,
): Promise<T> {
  const logFile = job.logFile === null ? null : resolve(work.currentDirectory, job.logFile);
  if (logFile !== null) await readLogFile(logFile);
  try {
    const { result, isEmpty } = await run();
    await reportStatus(statusOfSuccess(job, isEmpty ? "empty" : "segmentation"), { job, logFile }, work);
    return result;
  } catch (thrown) {
    const error = work.signal.aborted ? work.signal.reason : systemError(thrown);
    await reportStatus(statusOfFailure(job, error), { job, logFile }, work);
    throw error;
  }
}

async function reportStatus(
  status: JobStatus,
  { job, logFile }: { readonly job: JobWishes; readonly logFile: string | null },
  { progress }: WorkContext,
): Promise<void> {
  const note = (line: string): void => progress.note(line);
  if (logFile !== null)
    await writeLogFile(logFile, status).catch((error: unknown) =>
      note(`the status is not in ${logFile}: ${error instanceof Error ? error.message : String(error)}`),
    );
  if (job.updateUrl === null) return;
  const failure = await sendStatus(new URL(job.updateUrl), status, { encoding: job.encoding, note });
  if (failure !== null) note(`the status did not arrive at --update_url: ${failure}`);
}

/** Returns the status of a job that has ended well. */
export const statusOfSuccess = (
  { jobId, successMessage }: JobWishes,
  result: "segmentation" | "empty",
): JobStatus => ({
  job_id: jobId,
  status: result === "empty" ? `${successMessage}_no_output` : successMessage,
  output_log: result === "empty" ? "No lesion detected" : "",
  output_error: "",
});

/** Returns the status of a job that an error has ended. */
export const statusOfFailure = ({ jobId, failureMessage }: JobWishes, error: unknown): JobStatus => ({
  job_id: jobId,
  status: failureMessage,
  output_log: "",
  output_error: errorText(error),
});

function errorText(error: unknown): string {
  if (!(error instanceof ProcessorError)) return error instanceof Error ? error.message : String(error);
  return error.code === "INTERRUPTED" ? "User interrupted execution" : `${error.code}: ${error.message}`;
}

/** The keys of an existing log file. */
type LogFile = Readonly<Record<string, unknown>>;

const maxLogBytes = 16 << 20;

/**
 * Reads an existing log file before the work, so that a file of something else is not lost after it.
 *
 * @returns null if there is no file
 * @throws USAGE if it does not hold a JSON object
 */
async function readLogFile(path: string): Promise<LogFile | null> {
  let text: string;
  try {
    text = await readTextFile(path, maxLogBytes);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw sharedError("USAGE", `--log_file ${path}: ${unreadable(error)}`, { cause: error });
  }
  const found = parseOrNull(text, recordOf(anything));
  if (found !== null) return found;
  throw sharedError("USAGE", `--log_file ${path} exists, but does not hold a JSON object`);
}

/**
 * Writes the status into a log file. Other keys stay, and so does a `job_id` that is already there. The file may be in the
 * folder of the results, which does not exist yet if a job ends early.
 */
async function writeLogFile(path: string, status: JobStatus): Promise<void> {
  const before = (await readLogFile(path)) ?? {};
  await mkdir(dirname(path), { recursive: true });
  const after = { ...before, ...status, job_id: before["job_id"] ?? status.job_id };
  await writeFileWhole(path, [Buffer.from(`${JSON.stringify(after, null, 4)}\n`)]);
}

/** Sends the status as nnunet_serve's README says (JSON), or as its program did (a form). */
function sendStatus(
  url: URL,
  status: JobStatus,
  { encoding, ...options }: PostOptions & Pick<JobWishes, "encoding">,
): Promise<string | null> {
  const body =
    encoding === "json"
      ? { type: "application/json", text: JSON.stringify(status) }
      : { type: "application/x-www-form-urlencoded", text: formOf(status) };
  return postReport(url, body, options);
}

/** Leaves out a missing id, as Python's requests does with None. */
const formOf = (status: JobStatus): string =>
  new URLSearchParams(
    Object.entries(status).filter((pair): pair is [string, string] => pair[1] !== null),
  ).toString();
