import { realpath } from "node:fs/promises";
import { counted } from "../../../contract/counted.js";
import type { ImageInput } from "../../cases/case.js";
import { findCases, mayHoldAllChannels } from "../../cases/find-cases.js";
import type { LoadedModel } from "../../model/load-model.js";
import { serviceError } from "../errors.js";
import { isInside } from "../requests/data-roots.js";

/**
 * Finds the channels of the only case in a folder.
 *
 * @throws SERIES_INVALID if there are several cases; what `findCases` throws
 */
export async function studyInputs(folder: string, { model }: LoadedModel): Promise<readonly ImageInput[]> {
  const { cases } = await findCases({
    inputs: [folder],
    channelNames: model.channelNames,
    preferredEnding: model.plan.fileEnding,
    mayHoldAllChannels: mayHoldAllChannels(model.plan),
  });
  if (cases.length === 1) return cases[0]!.inputs;
  throw serviceError(
    "SERIES_INVALID",
    `the study holds ${counted(cases.length, "case")} (${cases
      .slice(0, 5)
      .map(({ name }) => name)
      .join(", ")}); name one in series_folders`,
  );
}

/** @throws PATH_FORBIDDEN if a path has come to lead out of the allowed folders since the request was checked */
export async function requireAllowed(path: string, roots: readonly string[]): Promise<void> {
  const real = await realpath(path).catch(() => path);
  if (!roots.some((root) => isInside(real, root)))
    throw serviceError("PATH_FORBIDDEN", `${JSON.stringify(path)} is not in the server's data roots`);
}
