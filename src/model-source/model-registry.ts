import { nearest } from "../../processor/contract/nearest-name.js";
import { builderError } from "../errors/builder-errors.js";
import registry from "./pretrained-models.json" with { type: "json" };

/** A published model, as pretrained-models.json describes it (pretrained-models.schema.json says what may stand there). */
export interface PretrainedModel {
  /** The task or dataset folder as nnU-Net names it: `Task004_Hippocampus`. */
  readonly name: string;
  readonly aliases: readonly string[];
  readonly nnunetVersion: 1 | 2;
  readonly title: string;
  /** `zenodo:<record>/<file>` or `https://…`; together they are one results tree. */
  readonly archives: readonly string[];
  /** What the channels 0, 1, … have to hold. */
  readonly channels: readonly string[];
  /** Names by label value, without background. */
  readonly labels: Readonly<Record<string, string>>;
  /** Of the training data; name null when only the page behind the link tells. */
  readonly licence: { readonly name: string | null; readonly url: string };
  readonly note: string | null;
}

/** Every model that can be named, nnU-Net v1's before v2's, by number. */
export function listModels(): readonly PretrainedModel[] {
  return models;
}

/**
 * The model called `name`: its folder name, an alias, or its number as `Task004`, `Dataset291`, `291`. Case does
 * not matter.
 *
 * @throws PRETRAINED_UNKNOWN with the nearest name; MODEL_AMBIGUOUS for a number that two models have
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
