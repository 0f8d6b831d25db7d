import { parseChecked } from "../../contract/parse-checked.js";
import { sharedError } from "../../contract/shared-errors.js";
import { type Target, targetFile } from "../../contract/target.js";
import { readTextFile, unreadable } from "../../files/read-text-file.js";

/**
 * Reads the target that an image was built for. An image without the file has the plain target.
 *
 * @throws MANIFEST_INVALID
 */
export async function readTarget(path: string): Promise<Target> {
  const json = await readTextFile(path, maxTargetBytes).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return null;
    throw sharedError("MANIFEST_INVALID", `${path}: ${unreadable(cause)}`, { cause });
  });
  if (json === null) return { kind: "plain" };
  return parseChecked(json, targetFile, (reason, cause) =>
    sharedError("MANIFEST_INVALID", `${path} ${reason}`, { cause }),
  ).target;
}

const maxTargetBytes = 1 << 20;
