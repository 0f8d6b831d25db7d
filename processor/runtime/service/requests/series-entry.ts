import { unfitRequest } from "./unfit-request.js";

/** One entry of series_folders. */
export interface SeriesEntry {
  readonly text: string;
  readonly source: "path" | "model";
  /** The path, or the model's name. */
  readonly name: string;
  /** The label whose mask is taken; null for none. */
  readonly label: number | null;
  /** The component that is taken; null for all. */
  readonly component: number | null;
}

/**
 * Parses an entry: `path`, `path=2` for the mask of a label, `path[1]` for a component, or `from:model` with the same
 * endings.
 *
 * @throws SERIES_INVALID
 */
export function parseSeries(text: string): SeriesEntry {
  const [, rest = "", label, component] = /^([\s\S]*?)(?:=(\d{1,5})|\[(\d{1,5})\])?$/.exec(text) ?? [];
  const isModel = rest.startsWith("from:");
  const name = isModel ? rest.slice("from:".length) : rest;
  if (name.trim() === "" || name.includes("\0"))
    throw unfitRequest(`series_folders: ${JSON.stringify(text)} is empty`);
  return {
    text,
    source: isModel ? "model" : "path",
    name,
    label: label === undefined ? null : Number(label),
    component: component === undefined ? null : Number(component),
  };
}
