import { nearest } from "../../processor/contract/nearest-name.js";
import { builderError } from "../ground/errors/builder-errors.js";
import registry from "./pretrained-models.json" with { type: "json" };

/** A published model, as described in pretrained-models.json (by pretrained-models.schema.json). */
export interface PretrainedModel {
  /** nnU-Net's name of the task or dataset folder, such as `Task004_Hippocampus`. */
  readonly name: string;
  readonly aliases: readonly string[];
  readonly nnunetVersion: 1 | 2;
  readonly title: string;
  /** Addresses `zenodo:<record>/<file>` or `https://…`; together they form one results tree. */
  readonly archives: readonly string[];
  /** The required contents of the channels 0, 1, …. */
  readonly channels: readonly string[];
  /** Names by label value, without background. */
  readonly labels: Readonly<Record<string, string>>;
  /** Licence of the training data; the name is null if only the page at the URL states it. */
  readonly licence: { readonly name: string | null; readonly url: string };
  readonly note: string | null;
}

/** Returns all pretrained models, nnU-Net v1's before v2's, by number. */
export function listModels(): readonly PretrainedModel[] {
  return models;
}

/**
 * Returns the model with a name: its folder name, an alias, or its number as `Task004`, `Dataset291` or
 * `291`. Ignores case.
 *
 * @throws PRETRAINED_UNKNOWN with the most similar name; MODEL_AMBIGUOUS for a number that two models have
 */
export function modelInfo(name: string): PretrainedModel {
  const wanted = name.toLowerCase();
  const found = models.filter((model) => namesOf(model).includes(wanted));
  if (found.length === 1) return found[0]!;
  if (found.length > 1)
    throw builderError("MODEL_AMBIGUOUS", `${name} may be ${found.map((model) => model.name).join(" or ")}`);
  const near = nearest(
    name,
    models.flatMap((model) => [model.name, ...model.aliases]),
  );
  throw builderError(
    "PRETRAINED_UNKNOWN",
    `no pretrained model is called ${name}.${near === null ? "" : ` Did you mean ${near}?`}`,
  );
}

const models = (registry.models as readonly unknown[] as readonly PretrainedModel[]).toSorted(
  (a, b) => a.nnunetVersion - b.nnunetVersion || (a.name < b.name ? -1 : 1),
);

function namesOf({ name, aliases }: PretrainedModel): readonly string[] {
  const [folder = ""] = name.split("_"); // Task004 or Dataset291
  const number = folder.replace(/^\D+/, "");
  return [name.toLowerCase(), folder.toLowerCase(), number, String(Number(number)), ...aliases];
}
