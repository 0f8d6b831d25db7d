import { sharedError } from "../../../processor/contract/shared-errors.js";
import { choiceWord, requireOther } from "./option-words.js";
import type { ServeOptionName } from "./options.js";
import type { ServeWords } from "./parse-arguments.js";

/** Where the end of the job is reported, and the messages. */
export interface JobWishes {
  readonly jobId: string | null;
  /** Null to send nothing. */
  readonly updateUrl: string | null;
  readonly encoding: "json" | "form";
  readonly successMessage: string;
  readonly failureMessage: string;
  readonly logFile: string | null;
}

/** @throws USAGE */
export function jobWishes(words: ServeWords): JobWishes {
  const one = (name: ServeOptionName): string | null => words.get(name)?.[0] ?? null;
  const url = one("update_url");
  const updateUrl = url === "skip" || url === "" ? null : url;
  if (updateUrl !== null && !/^https?:$/.test(URL.canParse(updateUrl) ? new URL(updateUrl).protocol : ""))
    throw sharedError("USAGE", "--update_url must be an address that starts with https:// or http://");
  if (updateUrl === null) requireOther(words, "update_encoding", "update_url");
  return {
    jobId: one("job_id"),
    updateUrl,
    encoding: choiceWord(words, "update_encoding", ["json", "form"]),
    successMessage: one("success_message") ?? "done",
    failureMessage: one("failure_message") ?? "failed",
    logFile: one("log_file"),
  };
}
