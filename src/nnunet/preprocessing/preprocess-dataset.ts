import { join } from "node:path";
import { nearest } from "../../../processor/contract/nearest-name.js";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { copyFileWhole } from "../../../processor/files/copy-file.js";
import { didYouMean } from "../../../processor/files/nearest-path.js";
import { Field } from "../../checkpoint/fields.js";
import { resolveConfiguration } from "../../checkpoint/nnunet-v2/configuration.js";
import { readInferencePlan } from "../../checkpoint/nnunet-v2/inference-plan.js";
import { nnunetError } from "../../ground/errors/nnunet-errors.js";
import { type DatasetJson, readDatasetJson } from "../datasets/dataset-json.js";
import type { ImageReaderName } from "../datasets/image-reader.js";
import { type DatasetCase, listCases } from "../datasets/list-cases.js";
import { requireUnchanged } from "../datasets/raw-files.js";
import { readJsonObject } from "../files/read-json.js";
import type { DatasetPlace } from "../find-dataset.js";
import { answered } from "../threads/answers.js";
import { eachCase, type WorkTools } from "../threads/each-case.js";
import { locationKeys } from "./class-locations.js";
import type { PreprocessedFormat } from "./preprocess-to-files.js";
import { beginFolder, copyLabels } from "./preprocessed-folder.js";
import { writeSplits } from "./write-splits.js";

export interface PreprocessSettings {
  readonly plansName: string;
  readonly configurations: readonly string[];
  /** True to write splits_final.json as well, which nnU-Net's first training would write. */
  readonly writesSplits: boolean;
  /** True to go on although the raw data have changed since the fingerprint. */
  readonly allowsChanges: boolean;
  readonly format: PreprocessedFormat;
}

export interface PreprocessReport {
  readonly dataset: string;
  readonly plans: string;
  readonly configurations: readonly {
    readonly name: string;
    /** Null if it is not in the plans. */
    readonly folder: string | null;
    readonly cases: number;
    /** The cases that a stopped run had finished. */
    readonly continued: number;
    readonly skipped: "not-in-plans" | "no-own-data" | null;
    /** The configuration of this run that made its data; null unless it has no data of its own. */
    readonly dataOf: string | null;
  }[];
  /** Null unless it was written now. */
  readonly splits: string | null;
}

type ReadyPlace = DatasetPlace & { readonly preprocessedFolder: string };
type Tools = WorkTools & { readonly environment: Readonly<Record<string, string | undefined>> };

/**
 * Preprocesses the cases of a data set for training, one folder for each configuration. A stopped run continues.
 *
 * @throws PLANS_MISSING, USAGE, DATASET_CHANGED, DATASET_INVALID, PLANS_UNSUPPORTED, and errors of images
 */
export async function preprocessDataset(
  place: ReadyPlace,
  settings: PreprocessSettings,
  tools: Tools,
): Promise<PreprocessReport> {
  const { name, rawFolder, preprocessedFolder } = place;
  const dataset = await readDatasetJson(rawFolder);
  const cases = await listCases(dataset, tools.environment);
  if (!settings.allowsChanges) await requireUnchanged(place, cases);
  const plansFile = join(preprocessedFolder, `${settings.plansName}.json`);
  const raw = await readJsonObject(plansFile);
  if (raw === null)
    throw nnunetError("PLANS_MISSING", `${plansFile} does not exist${await didYouMean(plansFile)}`);
  const plans = new Field(raw, plansFile);
  requireAnyKnown(settings.configurations, plans.get("configurations").keys(), plansFile);
  const asked = askedConfigurations(plans, settings.configurations);
  const configurations = [];
  for (const [i, { name: configuration, data }] of asked.entries()) {
    const nothing = { name: configuration, folder: null, cases: 0, continued: 0, dataOf: null };
    // nnU-Net preprocesses configurations with the same data one after the other, so the last one counts.
    const last = asked.findLastIndex((other) => other.data?.identifier === data?.identifier);
    if (data === null) configurations.push({ ...nothing, skipped: "not-in-plans" as const });
    else if (last > i)
      configurations.push({
        ...nothing,
        folder: join(preprocessedFolder, data.identifier),
        skipped: "no-own-data" as const,
        dataOf: asked[last]!.name,
      });
    else
      configurations.push(
        await preprocessConfiguration(
          { place, dataset, cases, plans, configuration, data, format: settings.format },
          tools,
        ),
      );
  }
  await copyLabels(preprocessedFolder, labelNames(cases, dataset.fileEnding));
  await copyFileWhole(join(rawFolder, "dataset.json"), join(preprocessedFolder, "dataset.json"));
  const splits = settings.writesSplits
    ? await writeSplits(
        preprocessedFolder,
        cases.map(({ id }) => id),
      )
    : null;
  return { dataset: name, plans: settings.plansName, configurations, splits };
}

/** The configurations of nnU-Net's own planners, which depend on the data. */
const usualConfigurations = ["2d", "3d_fullres", "3d_lowres", "3d_cascade_fullres"];

/**
 * Refuses to preprocess nothing because of a misspelled name. nnU-Net skips the configurations that the plans do not have.
 *
 * @throws USAGE if neither the plans nor nnU-Net have any of the names
 */
function requireAnyKnown(names: readonly string[], present: readonly string[], plansFile: string): void {
  const known = [...new Set([...present, ...usualConfigurations])];
  const [first] = names;
  if (first === undefined || names.some((name) => known.includes(name))) return;
  const near = nearest(first, known);
  throw sharedError(
    "USAGE",
    `${plansFile} has no configuration ${first}; ${near === null ? `it has ${present.join(", ")}` : `did you mean ${near}?`}`,
  );
}

/** The data of a configuration, which several may share. */
interface ConfigurationData {
  readonly resolved: Field;
  /** The name of their folder. */
  readonly identifier: string;
}

/** Returns the data of each wanted configuration; null for one that the plans do not have. */
function askedConfigurations(
  plans: Field,
  names: readonly string[],
): readonly { readonly name: string; readonly data: ConfigurationData | null }[] {
  const present = plans.get("configurations").keys();
  return names.map((name) => {
    if (!present.includes(name)) return { name, data: null };
    const resolved = resolveConfiguration(plans, name);
    const identifier = resolved.get("data_identifier").string();
    if (!/^[\w.-]{1,200}$/.test(identifier) || /^\.+$/.test(identifier))
      throw nnunetError(
        "DATASET_INVALID",
        `${resolved.path}.data_identifier is ${resolved.get("data_identifier").text()}, not a name of a folder`,
      );
    return { name, data: { resolved, identifier } };
  });
}

interface ConfigurationQuestion {
  readonly place: ReadyPlace;
  readonly dataset: DatasetJson;
  readonly cases: readonly DatasetCase[];
  readonly plans: Field;
  readonly configuration: string;
  readonly data: ConfigurationData;
  readonly format: PreprocessedFormat;
}

async function preprocessConfiguration(
  { place, dataset, cases, plans, configuration, data, format }: ConfigurationQuestion,
  tools: Tools,
) {
  const { name, preprocessedFolder } = place;
  const { resolved, identifier } = data;
  requireIntensities(plans, resolved);
  const plan = readInferencePlan({
    plans,
    configuration: resolved,
    dataset: new Field(dataset.raw, join(place.rawFolder, "dataset.json")),
    imageChannels: dataset.channelNames.length,
    mirrorAxes: [],
  });
  const folder = join(preprocessedFolder, identifier);
  const begun = await beginFolder(folder, { cases, settings: { plan, format } });
  let continued = 0;
  await eachCase(cases, { label: `${name}: preprocessing ${configuration}`, tools }, async (item, pool) => {
    if (await begun.isFinished(item.id)) {
      continued++;
      return;
    }
    if (item.label === null) throw nnunetError("DATASET_INVALID", `the case ${item.id} has no label`);
    const task = {
      caseId: item.id,
      folder,
      format,
      reader: plan.imageReader as ImageReaderName,
      images: item.images,
      label: item.label,
      plan,
      channelNames: dataset.channelNames,
      locationKeys: locationKeys(dataset),
    };
    answered(await pool.run("preprocessToFiles", task));
  });
  await begun.end();
  return { name: configuration, folder, cases: cases.length, continued, skipped: null, dataOf: null };
}

/**
 * Refuses CT without statistics, which a fingerprint has if no case has foreground, or if foreground is infinite. nnU-Net goes on
 * and makes every voxel NaN.
 *
 * @throws DATASET_INVALID
 */
function requireIntensities(plans: Field, configuration: Field): void {
  const properties = plans.get("foreground_intensity_properties_per_channel");
  for (const [channel, scheme] of configuration.get("normalization_schemes").list().entries()) {
    if (scheme.string() !== "CTNormalization") continue;
    const channelProperties = properties.get(String(channel));
    if (channelProperties.isNull) continue;
    const missing = ["mean", "std", "percentile_00_5", "percentile_99_5"].filter(
      (key) => channelProperties.get(key).isNull,
    );
    if (missing.length > 0)
      throw nnunetError(
        "DATASET_INVALID",
        `${channelProperties.path}: ${missing.join(" and ")} of this CT channel are not numbers, because no case has foreground or the foreground has infinite voxels; nnU-Net would make every voxel NaN`,
      );
  }
}

/** Returns the label files with the names of their copies: each is called by its case, and two cases may share a file. */
const labelNames = (
  cases: readonly DatasetCase[],
  fileEnding: string,
): readonly (readonly [string, string])[] =>
  cases.flatMap(({ id, label }) => (label === null ? [] : [[label, `${id}${fileEnding}`] as const]));
