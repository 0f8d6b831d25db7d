import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { makeFolder } from "../../../files/make-folder.js";

export const logLevels = ["debug", "info", "warning", "error", "critical"] as const;

export type LogLevel = (typeof logLevels)[number];

export interface LogOptions {
  /** Lines of a lower level are left out. */
  readonly level: LogLevel;
  /** The folder of a copy, `nnunet-serve.log`; null for none. */
  readonly folder: string | null;
  readonly write: (line: string) => void;
}

/** Returns what receives the server's lines of JSON. */
export async function openLog({ level, folder, write }: LogOptions): Promise<(line: string) => void> {
  if (folder !== null) await makeFolder(folder);
  const lowest = logLevels.indexOf(level);
  let written: Promise<void> = Promise.resolve();
  return (line) => {
    const { level: own = "info" } = JSON.parse(line) as { readonly level?: LogLevel };
    if (logLevels.indexOf(own) < lowest) return;
    write(line);
    if (folder === null) return;
    // A full disk must not stop the server.
    written = written.then(() => appendFile(join(folder, "nnunet-serve.log"), `${line}\n`)).catch(() => {});
  };
}
