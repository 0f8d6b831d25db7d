import { unfitRequest } from "./unfit-request.js";

/** What each of the models gets of a value in a request. */
export type Spread = (key: string, value: unknown, count: number) => readonly unknown[];

const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value);

const isListOfLists = (value: unknown): value is readonly (readonly unknown[])[] =>
  isList(value) && value.length > 0 && value.every(isList);

const everyModel = (value: unknown, count: number): readonly unknown[] =>
  Array.from({ length: count }, () => value);

/** @throws SERIES_INVALID if a list has neither one entry nor one for each model */
function oneEach(key: string, values: readonly unknown[], count: number): readonly unknown[] {
  if (values.length === count) return values;
  if (values.length === 1) return everyModel(values[0], count);
  throw unfitRequest(
    key === "series_folders"
      ? "series_folders and nnunet_id must be the same length"
      : `${key} must have 1 or ${count} entries, has ${values.length}`,
  );
}

const scalars: Spread = (key, value, count) =>
  isList(value) ? oneEach(key, value, count) : everyModel(value, count);

/** A flat list is for every model; a list of lists has one for each. */
const lists: Spread = (key, value, count) => {
  if (isListOfLists(value)) return oneEach(key, value, count);
  return everyModel(isList(value) ? value : [value], count);
};

/** A flat list has the classes of one model, or one class of each of several. */
const classes: Spread = (key, value, count) => {
  const asList = (entry: unknown): unknown => (entry === null || isList(entry) ? entry : [entry]);
  if (!isList(value)) return everyModel([value], count);
  const isOfOneModel = count === 1 && value.every((entry) => typeof entry === "number");
  return isOfOneModel ? [value] : oneEach(key, value, count).map(asList);
};

const spreads: Readonly<Record<string, Spread>> = {
  series_folders: lists,
  use_folds: lists,
  cascade_mode: lists,
  class_idx: classes,
};

/** Gives each model its part of a value. */
export const spreadOver: Spread = (key, value, count) => (spreads[key] ?? scalars)(key, value, count);
