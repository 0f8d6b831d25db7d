import {
  about,
  type JsonCheck,
  matching,
  orAbsent,
  record,
  text,
  wholeNumberIn,
} from "../../../../contract/json-check.js";
import { type RouteSchema, routeSchema } from "../../schemas/route-schema.js";
import type { QueryLevel } from "../json/query-levels.js";

const tags = ["DICOMweb"];
const json = "application/dicom+json";
const mostCounted = 999_999_999;
const uid = about("A DICOM UID.", matching(/^(?!.*\.\.)[0-9][0-9.]{0,63}$/, "a UID"));
const placeFields: Readonly<Record<string, JsonCheck<unknown>>> = {
  study: uid,
  series: uid,
  instance: uid,
  frames: about(
    "Numbers from 1, separated by commas.",
    matching(/^[1-9][0-9]{0,5}(?:,[1-9][0-9]{0,5})*$/, "numbers"),
  ),
};

/** What a route of WADO-RS returns. */
export type Retrieved = "objects" | "metadata" | "frames";

function paramsOf(url: string): Pick<RouteSchema, "params"> {
  const names = [...url.matchAll(/:(\w+)/g)].map(([, name]) => name!);
  if (names.length === 0) return {};
  return { params: record(Object.fromEntries(names.map((name) => [name, placeFields[name]!]))) };
}

export const stowSchema = (url: string): object =>
  routeSchema({
    summary: `Stores objects${url.includes(":study") ? " of a study" : ""} (STOW-RS)`,
    tags,
    takes: ["multipart/related", "application/dicom"],
    ...paramsOf(url),
    answers: { 200: json, 202: json, 409: json },
  });

export const querySchema = (url: string, level: QueryLevel): object =>
  routeSchema({
    summary: `Finds ${level === "study" ? "studies" : level === "series" ? "series" : "instances"} by attributes, which may also be parameters (QIDO-RS)`,
    tags,
    ...paramsOf(url),
    querystring: record({
      limit: orAbsent(wholeNumberIn(0, mostCounted)),
      offset: orAbsent(wholeNumberIn(0, mostCounted)),
      includefield: orAbsent(text),
      PatientID: orAbsent(text),
      StudyInstanceUID: orAbsent(text),
      Modality: orAbsent(text),
    }),
    answers: { 200: json },
  });

export const retrievalSchema = (url: string, what: Retrieved): object =>
  routeSchema({
    summary: `Returns ${what === "objects" ? "objects as they are stored" : what} (WADO-RS)`,
    tags,
    ...paramsOf(url),
    answers: { 200: what === "metadata" ? json : "multipart/related" },
  });
