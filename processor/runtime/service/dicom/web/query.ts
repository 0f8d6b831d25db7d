import { exchangeError } from "../errors.js";
import { tagOfName, vrOf } from "../json/attribute-vr.js";
import { type DicomJson, type DicomJsonElement, hexOf } from "../json/dicom-json.js";
import { levelTags, type QueryLevel } from "../json/query-levels.js";
import type { InstanceStore, StoredInstance, StoredSeries } from "../store/instance-store.js";
import { matchesValue } from "./match-value.js";

/** A query (QIDO-RS, PS3.18, 10.6). */
export interface ObjectQuery {
  readonly level: QueryLevel;
  /** The study and series of the address; null if it names none. */
  readonly study: string | null;
  readonly series: string | null;
  readonly wanted: readonly { readonly tag: number; readonly value: string }[];
  readonly limit: number;
  readonly offset: number;
}

export interface QueryAnswer {
  readonly matches: readonly DicomJson[];
  /** True if there are more than the limit. */
  readonly hasMore: boolean;
}

const mostMatches = 5000;
const mostConditions = 50;
const longestValue = 1000;
const modalitiesInStudy = "00080061";
const control = new Set(["includefield", "fuzzymatching", "limit", "offset", "accept"]);

/**
 * Reads the parameters of an address.
 *
 * @throws DICOM_QUERY_INVALID
 */
export function objectQuery(
  parameters: URLSearchParams,
  place: Pick<ObjectQuery, "level" | "study" | "series">,
): ObjectQuery {
  const wanted = [...parameters].filter(([name]) => !control.has(name.toLowerCase())).map(conditionOf);
  if (wanted.length > mostConditions)
    throw exchangeError("DICOM_QUERY_INVALID", `a query may have ${mostConditions} conditions`);
  return {
    ...place,
    wanted,
    limit: Math.min(countOf(parameters, "limit") ?? mostMatches, mostMatches),
    offset: countOf(parameters, "offset") ?? 0,
  };
}

function conditionOf([name, value]: readonly [string, string]): ObjectQuery["wanted"][number] {
  const tag = tagOfName(name);
  if (tag === null || value.length > longestValue)
    throw exchangeError(
      "DICOM_QUERY_INVALID",
      `${name.slice(0, 100)} is not an attribute that can be queried`,
    );
  return { tag, value };
}

function countOf(parameters: URLSearchParams, name: string): number | null {
  const text = parameters.get(name);
  if (text === null) return null;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw exchangeError("DICOM_QUERY_INVALID", `${name} must be a whole number`);
}

/** Answers a query from the index. */
export function answerQuery(
  store: InstanceStore,
  query: ObjectQuery,
  addressOf: (uids: StoredInstance["uids"]) => string,
): QueryAnswer {
  const matches: DicomJson[] = [];
  let skipped = 0;
  for (const found of candidates(store, query)) {
    const described = describe(store, found, query);
    if (!query.wanted.every(({ tag, value }) => matchesTag(described, tag, value))) continue;
    if (skipped++ < query.offset) continue;
    if (matches.length === query.limit) return { matches, hasMore: true };
    matches.push(shownAt(described, found, { level: query.level, addressOf }));
  }
  return { matches, hasMore: false };
}

/** One object of the level: a study and a series are described by their first instance. */
interface Candidate {
  readonly series: StoredSeries;
  readonly instance: StoredInstance;
}

function* candidates(store: InstanceStore, { level, study, series }: ObjectQuery): Generator<Candidate> {
  for (const uid of study === null ? store.studies() : [study]) {
    for (const one of store.seriesOf(uid)) {
      if (series !== null && one.uid !== series) continue;
      for (const instance of one.instances.values()) {
        yield { series: one, instance };
        if (level !== "instance") break;
      }
      if (level === "study") break;
    }
  }
}

function describe(store: InstanceStore, { series, instance }: Candidate, { level }: ObjectQuery): DicomJson {
  const ofStudy = level === "study" ? store.seriesOf(series.study) : [];
  const count = (tag: number, value: number): DicomJson => ({ [hexOf(tag)]: { vr: "IS", Value: [value] } });
  const counts =
    level === "study"
      ? {
          [modalitiesInStudy]: { vr: "CS", Value: [...new Set(ofStudy.flatMap(modalityOf))] },
          ...count(0x00201206, ofStudy.length),
          ...count(
            0x00201208,
            ofStudy.reduce((sum, { instances }) => sum + instances.size, 0),
          ),
        }
      : level === "series"
        ? count(0x00201209, series.instances.size)
        : {};
  return { ...instance.attributes, ...counts };
}

function modalityOf({ instances }: StoredSeries): readonly unknown[] {
  const [first] = instances.values();
  return first?.attributes["00080060"]?.Value ?? [];
}

function matchesTag(described: DicomJson, tag: number, value: string): boolean {
  const element: DicomJsonElement | undefined = described[hexOf(tag)];
  return matchesValue(element, element?.vr ?? vrOf(tag) ?? "LO", value);
}

function shownAt(
  described: DicomJson,
  { instance: { uids } }: Candidate,
  {
    level,
    addressOf,
  }: { readonly level: QueryLevel; readonly addressOf: (uids: StoredInstance["uids"]) => string },
): DicomJson {
  const levels: readonly QueryLevel[] =
    level === "study"
      ? ["study"]
      : level === "series"
        ? ["study", "series"]
        : ["study", "series", "instance"];
  const shown = [...levels.flatMap((one) => levelTags[one]), 0x00080061, 0x00201206, 0x00201208, 0x00201209];
  const address = addressOf({
    study: uids.study,
    series: level === "study" ? "" : uids.series,
    instance: level === "instance" ? uids.instance : "",
  });
  const entries = shown
    .map((tag) => [hexOf(tag), described[hexOf(tag)]] as const)
    .filter((entry): entry is readonly [string, DicomJsonElement] => entry[1] !== undefined);
  return Object.fromEntries<DicomJsonElement>(
    [
      ...entries,
      ["00080005", { vr: "CS", Value: ["ISO_IR 192"] }] as const,
      ["00080056", { vr: "CS", Value: ["ONLINE"] }] as const,
      ["00081190", { vr: "UR", Value: [address] }] as const,
    ].sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}
