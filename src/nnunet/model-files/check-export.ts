import { counted } from "../../../processor/contract/counted.js";
import { nnunetError } from "../../ground/errors/nnunet-errors.js";
import { someOf } from "../../ground/some-of.js";
import type { NnunetVersion } from "../folders.js";

/** How an archive of nnU-Net names its files, from the folder of trained models. */
interface Layout {
  /** The folder of a model, in words. */
  readonly shown: string;
  readonly folder: RegExp;
  /** A fold's weights: the model's folder, wherever the archive has it. */
  /** Hidden files, such as those that macOS adds to an archive, are none. */
  readonly weights: RegExp;
  /** Files next to the folds. */
  readonly needed: readonly string[];
}

const layouts: Readonly<Record<NnunetVersion, Layout>> = {
  1: {
    shown: "CONFIGURATION/Task004_NAME/TRAINER__PLANS",
    folder: /^[^/]+\/Task\d{3,}_[^/]+\/[^/]+__[^/]+$/,
    weights: /^(?:(.+)\/)?(?:fold_\d+|all)\/[^/.][^/]*\.model$/,
    needed: ["plans.pkl"],
  },
  2: {
    shown: "Dataset004_NAME/TRAINER__PLANS__CONFIGURATION",
    folder: /^Dataset\d{3,}_[^/]+\/[^/]+__[^/]+__[^/]+$/,
    weights: /^(?:(.+)\/)?fold_(?:\d+|all)\/[^/.][^/]*\.pth$/,
    needed: ["plans.json", "dataset.json"],
  },
};

/**
 * Checks that an archive has trained models where nnU-Net's exports have them, before any file is unpacked. nnU-Net itself unpacks
 * whatever there is.
 *
 * @param paths of the archive's files
 * @throws EXPORT_INVALID says what was found instead
 */
export function checkExport(archive: string, paths: readonly string[], version: NnunetVersion): void {
  const refusal = (found: string) => nnunetError("EXPORT_INVALID", `${archive} ${found}`);
  const layout = layouts[version];
  const models = modelsIn(paths, layout);
  if (models.length === 0) throw refusal(whatInstead(paths, version));
  const place = `nnU-Net v${version} exports a model as ${layout.shown}`;
  const misplaced = models.find((model) => !layout.folder.test(model));
  if (misplaced !== undefined)
    throw refusal(`has a model ${misplaced === "" ? "without a folder" : `in ${misplaced}`}, but ${place}`);
  const present = new Set(paths);
  for (const model of models) {
    const missing = layout.needed.filter((name) => !present.has(`${model}/${name}`));
    if (missing.length > 0) throw refusal(`has weights in ${model}, but no ${missing.join(" or ")}`);
  }
}

/** Returns the folders that have weights; an empty text for the archive itself. */
function modelsIn(paths: readonly string[], { weights }: Layout): readonly string[] {
  const found = paths.map((path) => weights.exec(path)).filter((match) => match !== null);
  return [...new Set(found.map(([, folder = ""]) => folder))];
}

/** Says what an archive without a model of this version has. */
function whatInstead(paths: readonly string[], version: NnunetVersion): string {
  const other = version === 1 ? 2 : 1;
  if (paths.length === 0) return "has no files";
  if (modelsIn(paths, layouts[other]).length > 0)
    return `has a model of nnU-Net v${other}, not of v${version}; --nnunet v${other} imports it`;
  const zip = paths.find((path) => /\.zip$/i.test(path));
  if (zip !== undefined)
    return `has no trained model, but another archive: ${zip}; unpack it, and import that one`;
  const plans = paths.find((path) => /(?:^|\/)plans\.(?:json|pkl)$/.test(path));
  const weights = version === 1 ? "fold_…/….model" : "fold_…/….pth";
  if (plans !== undefined) return `has ${plans}, but no weights next to it (${weights})`;
  return `has no trained model, but ${counted(paths.length, "file")}: ${someOf(paths)}`;
}
