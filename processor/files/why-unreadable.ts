import { readlink, stat } from "node:fs/promises";
import { join, parse, resolve, sep } from "node:path";
import { didYouMean } from "./nearest-path.js";
import { unreadable } from "./read-text-file.js";
import { systemReasons } from "./system-error.js";

/**
 * Says why the system could not open a file or list a folder, as the end of a message that begins with its path: it does not
 * exist, or it may not be read, and which folder on the way is closed.
 *
 * @param cause what the system threw
 * @example await whyUnreadable("/data/secret/liver", cause) // " cannot be read (EACCES): permission denied (/data/secret)"
 */
export async function whyUnreadable(path: string, cause: unknown): Promise<string> {
  const { code = "" } = cause as NodeJS.ErrnoException;
  if (code === "ENOENT") {
    const target = await linkTarget(path);
    return target === null ? " does not exist" : ` is a link to ${target}, which does not exist`;
  }
  const obstacle = await firstObstacle(path);
  if (code === "ENOTDIR")
    return `${obstacle === resolve(path) ? " is" : `: ${obstacle} is`} a file, not a folder`;
  const reason = systemReasons.get(code);
  if (reason === undefined) return `: ${unreadable(cause)}`;
  return ` cannot be read (${code}): ${reason}${obstacle === resolve(path) ? "" : ` (${obstacle})`}`;
}

/** Says the same for a path that the user wrote, and suggests a similar one that exists. */
export async function whyNotFound(path: string, cause: unknown): Promise<string> {
  const isMissing = (cause as NodeJS.ErrnoException).code === "ENOENT" && (await linkTarget(path)) === null;
  return `${await whyUnreadable(path, cause)}${isMissing ? await didYouMean(path) : ""}`;
}

const linkTarget = (path: string): Promise<string | null> => readlink(path).catch(() => null);

/** Returns the shortest beginning of a path that stops the system: a file, a closed folder, or a link that leads nowhere. */
async function firstObstacle(path: string): Promise<string> {
  const whole = resolve(path);
  const { root } = parse(whole);
  let part = root;
  for (const name of whole.slice(root.length).split(sep)) {
    const next = join(part, name);
    const code = await stat(next).then(
      () => null,
      (error: NodeJS.ErrnoException) => error.code ?? "",
    );
    if (code !== null) return code === "EACCES" || code === "ENOTDIR" ? part : next;
    part = next;
  }
  return part;
}
