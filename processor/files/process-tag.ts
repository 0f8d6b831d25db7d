import { createHash, randomBytes } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

/**
 * Names this process for others that find its files, as `MACHINE-PID-START` (`9f2c01d4a7be-4711-880123`).
 *
 * A process id alone does not identify a process: containers and machines that share a folder number theirs
 * independently, and an id is used again. MACHINE therefore stands for one start of one kernel and one namespace of
 * process ids, START for the time at which the process began.
 */
export function processTag(): string {
  ownTag ??= `${machine()}-${process.pid}-${startOf("self") ?? "0"}`;
  return ownTag;
}

let ownTag: string | null = null;

/** The form of `processTag`, for a regular expression. */
export const processTagPattern = String.raw`[0-9a-f]{12}-\d+-\d+`;

/**
 * Another machine's process cannot be asked. A week is longer than a live one pauses between two changes of a file, also
 * when it waits for the upload of what it has written, or its machine sleeps over a weekend.
 */
const forgottenMs = 7 * 24 * 3_600_000;

/**
 * Returns true if the process that made a file has ended: as the kernel says for one of this machine, by the time of the
 * file's last change for any other.
 *
 * @param tag its `processTag`
 */
export function hasEnded(tag: string, lastChangeMs: number): boolean {
  const [where, pid, start] = tag.split("-");
  if (where !== processTag().split("-")[0]) return Date.now() - lastChangeMs > forgottenMs;
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH"; // EPERM: it runs under another account
  }
  const found = startOf(pid!);
  return found !== null && found !== start;
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
    return randomBytes(6).toString("hex"); // not Linux: nobody can ask for this process, its files are forgotten by age
  }
}

/** Field 22 of proc(5)'s stat, in clock ticks since the kernel started; null if it can't be read. */
function startOf(pid: string): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? null; // the name, in brackets, may hold blanks
  } catch {
    return null;
  }
}
