import { join, resolve } from "node:path";
import { nnunetError } from "../ground/errors/nnunet-errors.js";

export type NnunetVersion = 1 | 2;

/** The folders that nnU-Net's variables name; null if a variable is not set. */
export interface NnunetFolders {
  readonly version: NnunetVersion;
  /** The folder with the data sets (v2) or tasks (v1). */
  readonly raw: string | null;
  readonly preprocessed: string | null;
  /** The folder with the trained models: for v1, `nnUNet` in the folder that RESULTS_FOLDER names. */
  readonly results: string | null;
  /** v1's folder with cropped images; null for v2. */
  readonly cropped: string | null;
}

/** The environment and the folder that relative paths start from. */
export interface Surroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly currentDirectory: string;
}

const variables = {
  1: { raw: "nnUNet_raw_data_base", preprocessed: "nnUNet_preprocessed", results: "RESULTS_FOLDER" },
  2: { raw: "nnUNet_raw", preprocessed: "nnUNet_preprocessed", results: "nnUNet_results" },
} as const;

/** Returns the folders of nnU-Net, from the same variables that it reads. */
export function nnunetFolders(
  { environment, currentDirectory }: Surroundings,
  version: NnunetVersion,
): NnunetFolders {
  const names = variables[version];
  const folder = (name: string, ...inside: readonly string[]): string | null => {
    const value = environment[name] ?? "";
    return value === "" ? null : join(resolve(currentDirectory, value), ...inside);
  };
  return version === 2
    ? {
        version,
        raw: folder(names.raw),
        preprocessed: folder(names.preprocessed),
        results: folder(names.results),
        cropped: null,
      }
    : {
        version,
        raw: folder(names.raw, "nnUNet_raw_data"),
        preprocessed: folder(names.preprocessed),
        results: folder(names.results, "nnUNet"),
        cropped: folder(names.raw, "nnUNet_cropped_data"),
      };
}

/**
 * Returns one of nnU-Net's folders.
 *
 * @throws NNUNET_FOLDER_UNSET
 */
export function requireFolder(folders: NnunetFolders, kind: "raw" | "preprocessed" | "results"): string {
  const folder = folders[kind];
  if (folder !== null) return folder;
  throw nnunetError(
    "NNUNET_FOLDER_UNSET",
    `the variable ${variables[folders.version][kind]}, which names nnU-Net's folder of ${meanings[kind]}, is not set`,
  );
}

const meanings = { raw: "raw data", preprocessed: "preprocessed data", results: "trained models" } as const;
