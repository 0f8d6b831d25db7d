import { announcedVoxels } from "../../../imaging/formats/announced-voxels.js";
import type { JobWork } from "../engine/job-work.js";
import { serviceError } from "../errors.js";

/**
 * Refuses scans that would not fit into the memory, before their job waits. A file that cannot be read is left to the job,
 * which says what is wrong with it.
 *
 * @throws SCAN_TOO_LARGE
 */
export async function requireSize(
  files: readonly { readonly path: string; readonly name: string }[],
  maxVoxels: number,
): Promise<void> {
  for (const { path, name } of files) {
    const voxels = await announcedVoxels(path, name).catch(() => null);
    if (voxels !== null && voxels > maxVoxels)
      throw serviceError(
        "SCAN_TOO_LARGE",
        `${JSON.stringify(name.slice(0, 100))} has ${voxels} voxels; this server takes ${maxVoxels}`,
      );
  }
}

/** Returns the files that the models of a job take from the server's own folders. */
export const filesOfWork = ({
  stages,
}: JobWork): readonly { readonly path: string; readonly name: string }[] =>
  stages.flatMap(({ inputs }) =>
    inputs.flatMap((input) => (input.kind === "path" ? [{ path: input.path, name: input.path }] : [])),
  );
