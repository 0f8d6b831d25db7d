import { createHash, randomBytes } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

/**
 * Returns a name for this process, `MACHINE-PID-START` (`9f2c01d4a7be-4711-880123`), for other processes that find its
 * files.
 *
 * A process id alone does not identify a process, because containers and machines that share a folder number their
 * processes independently, and ids are reused. Therefore, MACHINE stands for one boot of one kernel and one namespace
 * of process ids, and START for the time at which the process started.
 */
export function processTag(): string {
  ownTag ??= `${machine()}-${process.pid}-${startOf("self") ?? "0"}`;
  return ownTag;
}

let ownTag: string | null = null;

/** Returns the `processTag` of another process of this machine. */
export const tagOf = (pid: number): string => `${machineOf(processTag())}-${pid}-${startOf(pid) ?? "0"}`;

const machineOf = (tag: string): string | undefined => tag.split("-")[0];

/** A regular expression for the form of `processTag`. */
export const processTagPattern = String.raw`[0-9a-f]{12}-\d+-\d+`;

const tagForm = new RegExp(`^${processTagPattern}$`);

/** Returns whether a tag is one of this machine since it was started, so that `hasEnded` knows for certain. */
export const isOfThisMachine = (tag: string): boolean =>
  tagForm.test(tag) && machineOf(tag) === machineOf(processTag());

/**
 * The age at which a partial file of another machine counts as abandoned, because that machine's processes cannot be
 * checked. A running process changes its file more often than once a week, even if it waits for an upload or its
 * machine sleeps over a weekend.
 */
const forgottenMs = 7 * 24 * 3_600_000;

/**
 * Returns whether the process that made a file has ended. For a process of this machine, the kernel knows; for any
 * other, the time of the file's last change decides.
 *
 * @param tag the `processTag` of the process that made the file
 */
export function hasEnded(tag: string, lastChangeMs: number): boolean {
  const [, pid, start] = tag.split("-");
  if (machineOf(tag) !== machineOf(processTag())) return Date.now() - lastChangeMs > forgottenMs;
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH"; // EPERM means that the process runs under another account
  }
  const [state, found] = statOf(pid!) ?? [];
  // A process that nobody has collected (Z) does nothing any more.
  return state === "Z" || (found !== undefined && found !== start);
}

function machine(): string {
  try {
    const parts = [
      hostname(),
      readFileSync("/proc/sys/kernel/random/boot_id", "utf8"),
      readlinkSync("/proc/self/ns/pid"),
    ];
    return createHash("sha256").update(parts.join("\n")).digest("hex").slice(0, 12);
  } catch {
    return randomBytes(6).toString("hex"); // outside Linux, no process can check this one, so the age of its files decides
  }
}

const startOf = (pid: string | number): string | undefined => statOf(pid)?.[1];

/**
 * Returns the state of a process and its start time in clock ticks since the kernel started (fields 3 and 22 of the file stat
 * in proc(5)); null if they can't be read.
 */
function statOf(pid: string | number): readonly [state: string, start: string] | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" "); // the name, in brackets, may contain blanks
    return [fields[0] ?? "", fields[19] ?? ""];
  } catch {
    return null;
  }
}
