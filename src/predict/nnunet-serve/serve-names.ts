import { serveFlags } from "./options.js";

/** Options of `predict` that nnunet_serve's command line has under another name. */
const otherNames: Readonly<Record<string, string>> = {
  "--checkpoint": "--checkpoint_name",
  "--dicom-metadata": "--metadata_path",
  "--input": "--series_paths",
  "--model-dir": "--model_path",
  "--output": "--output_dir",
  "--series": "--series_uid",
};

/**
 * Returns a remedy with the names of nnunet_serve's command line. Command lines between backticks stay as they are.
 *
 * @example withServeNames("--series UID chooses one.") // "--series_uid UID chooses one."
 */
export const withServeNames = (help: string): string =>
  help
    .split("`")
    .map((part, i) => (i % 2 === 0 || part.startsWith("-") ? renamed(part) : part))
    .join("`");

const renamed = (text: string): string =>
  text.replaceAll(/(?<![\w-])--[a-z][a-z-]*[a-z](?![\w-])/g, (flag) => {
    const name = otherNames[flag] ?? `--${flag.slice(2).replaceAll("-", "_")}`;
    return serveFlags.has(name) ? name : flag;
  });
