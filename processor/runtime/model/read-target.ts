import { sharedError } from "../../contract/shared-errors.js";
import {
  checkGrandChallengeTarget,
  checkTargetKind,
  type Target,
  type TargetFile,
} from "../../contract/target.js";
import { readTextFile, unreadable } from "../../files/read-text-file.js";
import { versionProblem } from "./version-problem.js";

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
  const { targetVersion, target } = parse(path, json);
  const problem =
    versionProblem(targetVersion) ??
    checkTargetKind(target, "target") ??
    (target?.kind === "grand-challenge" ? checkGrandChallengeTarget(target, "target") : null);
  if (problem !== null) throw sharedError("MANIFEST_INVALID", `${path}: ${problem}`);
  return target!;
}

const maxTargetBytes = 1 << 20;

function parse(path: string, json: string): Partial<TargetFile> {
  try {
    return (JSON.parse(json) ?? {}) as Partial<TargetFile>;
  } catch (cause) {
    throw sharedError("MANIFEST_INVALID", `${path} is not JSON: ${(cause as Error).message}`, {
      cause,
    });
  }
}
