import {
  anything,
  flag as boolean,
  type JsonCheck,
  type JsonSchema,
  listOf,
  numberAbove,
  oneOf,
  orNull,
  recordOf,
  type SchemaDefinitions,
  text,
  wholeNumberIn,
} from "./json-check.js";

/** A program that takes settings as flags: the builder's commands `build` and `predict`, and the program in an image. */
export type Program = "build" | "predict" | "image";

/** A kind of value: how it is checked, and how people write it. */
export interface SettingValue<T> extends JsonCheck<T> {
  readonly form: "switch" | "number" | "text" | "list";
  /** All values, if they can be listed. */
  readonly choices: readonly string[] | null;
  /** Completes "must be …". */
  readonly allowed: string;
  /** Stands for the value in a help text. */
  readonly placeholder: string;
  /** What config.json allows; absent if it is what the check allows. */
  readonly configSchema?: JsonSchema;
}

export const onOff: SettingValue<boolean> = {
  ...boolean,
  form: "switch",
  choices: null,
  allowed: "true or false",
  placeholder: "",
};

export const choice = <const T extends string>(...values: readonly T[]): SettingValue<T> => ({
  ...oneOf(values),
  form: "text",
  choices: values,
  allowed: `${values.slice(0, -1).join(", ")} or ${values.at(-1)}`,
  placeholder: values.join("|"),
});

/** A number greater than 0 and at most 1. */
export const fraction: SettingValue<number> = {
  ...numberAbove(0, 1),
  form: "number",
  choices: null,
  allowed: "greater than 0 and at most 1",
  placeholder: "X",
};

/** A volume in mm³. */
export const millimetres3: SettingValue<number> = {
  ...numberAbove(0, 1e10),
  form: "number",
  choices: null,
  allowed: "greater than 0, in mm³",
  placeholder: "MM3",
};

/** A whole number between two limits, both allowed. */
export const wholeNumber = (smallest: number, largest: number): SettingValue<number> => ({
  ...wholeNumberIn(smallest, largest),
  form: "number",
  choices: null,
  allowed: `a whole number from ${smallest} to ${largest}`,
  placeholder: "N",
});

export const words = (placeholder: string, allowed: string): SettingValue<string> => ({
  ...text,
  form: "text",
  choices: null,
  allowed,
  placeholder,
});

/** Words that a command line separates by commas. */
export const wordList = (placeholder: string, allowed: string): SettingValue<readonly string[]> => ({
  ...listOf(text),
  form: "list",
  choices: null,
  allowed,
  placeholder,
});

/** Some of these words, separated by commas on a command line. */
export const choices = <const T extends string>(...values: readonly T[]): SettingValue<readonly T[]> => ({
  ...listOf(oneOf(values), 1),
  form: "list",
  choices: null,
  allowed: `one or several of ${values.join(", ")}`,
  placeholder: values.join("|"),
});

/** An object of a form that another program defined; no command line can say it. */
export const anyObject: SettingValue<Readonly<Record<string, unknown>>> = {
  ...recordOf(anything),
  form: "text",
  choices: null,
  allowed: "an object",
  placeholder: "",
};

/** A word for each of several names; no command line can say it. */
export const wordByName: SettingValue<Readonly<Record<string, string>>> = {
  ...recordOf(text),
  form: "text",
  choices: null,
  allowed: "words by name",
  placeholder: "",
};

/** A value that may be absent, which is null. In config.json, the key is left out. */
export const orNone = <T>(value: SettingValue<T>): SettingValue<T | null> => ({
  ...value,
  ...orNull(value),
  configSchema: value.schema(new Map()),
});

/** Another key of config.json that older files use for the same setting. */
export interface OlderKey<T, K extends string> {
  readonly key: K;
  readonly schema: JsonSchema;
  /** Returns the setting's value; undefined if the key is absent. */
  meaning(found: unknown): T | undefined;
}

export function olderKey<V, T, const K extends string>(
  key: K,
  options: {
    readonly value: SettingValue<V>;
    readonly default?: V;
    /** Sentences for the reference. */
    readonly description: string;
    readonly means: (value: V) => T;
  },
): OlderKey<T, K> {
  const { value, description, means } = options;
  return {
    key,
    schema: {
      ...value.schema(new Map()),
      ...(options.default === undefined ? {} : { default: options.default }),
      description,
    },
    meaning: (found) => (found === undefined ? undefined : means(value.read(found, key))),
  };
}

export type SettingGroup = "Prediction:" | "DICOM:" | "Output:" | "TotalSegmentator:";

interface SettingRow<T, K extends string, F extends string | null, P extends Program, O extends string> {
  readonly value: SettingValue<T>;
  /** The key in config.json. */
  readonly key: K;
  /** The flag without its dashes; null for none. A program that calls the functions uses it in camel case. */
  readonly flag: F;
  /** One letter. */
  readonly shortFlag?: string;
  /** Another flag for a switch that is off, as nnU-Net calls it. */
  readonly offFlag?: string;
  /** The programs whose command line has the flag. */
  readonly on: readonly P[];
  /** The heading of `build_processor --help` that the flag is shown below. */
  readonly group?: SettingGroup;
  readonly default: NoInfer<T>;
  /** The default of `predict` if it is another one, because `predict` does what nnU-Net does. */
  readonly predictDefault?: NoInfer<T>;
  /** Describes a default that is null. */
  readonly defaultWords?: string;
  /** One sentence for every help text, without capital letter and full stop. */
  readonly about: string;
  /** More sentences, which only the reference of config.json has. */
  readonly more?: string;
  /** What config.json allows, if it is less than a manifest or a command line. */
  readonly configSchema?: JsonSchema;
  readonly example?: NoInfer<T>;
  readonly older?: OlderKey<NoInfer<T>, O>;
  /** What a manifest means that lacks the setting, because an older version wrote it. Each new setting needs it. */
  readonly olderManifest?: NoInfer<T>;
}

/** One row of the table of settings; as a check, it is that of a manifest's field. */
export interface Setting<
  T,
  K extends string = string,
  F extends string | null = string | null,
  P extends Program = Program,
  O extends string = string,
> extends JsonCheck<T> {
  readonly value: SettingValue<T>;
  readonly key: K;
  readonly flag: F;
  readonly shortFlag: string | null;
  readonly offFlag: string | null;
  readonly on: readonly P[];
  readonly group: SettingGroup;
  readonly default: T;
  readonly predictDefault: T;
  /** The default of config.json as people write it. */
  readonly defaultText: string;
  readonly about: string;
  readonly older: OlderKey<T, O> | null;
  /** The description of the key in config.json's schema. */
  readonly configSchema: JsonSchema;
}

export function setting<
  T,
  const K extends string,
  const F extends string | null,
  const P extends Program = never,
  const O extends string = never,
>(row: SettingRow<T, K, F, P, O>): Setting<T, K, F, P, O> {
  const { value, about, defaultWords } = row;
  const description = [
    sentence(about),
    ...(row.more === undefined ? [] : [row.more]),
    ...(defaultWords === undefined ? [] : [`Default: ${defaultWords}.`]),
  ].join(" ");
  return {
    value,
    key: row.key,
    flag: row.flag,
    shortFlag: row.shortFlag ?? null,
    offFlag: row.offFlag ?? null,
    on: row.on,
    group: row.group ?? "Prediction:",
    default: row.default,
    predictDefault: row.predictDefault ?? row.default,
    defaultText: defaultWords ?? String(row.default),
    about,
    older: row.older ?? null,
    configSchema: {
      ...(row.configSchema ?? value.configSchema ?? value.schema(new Map())),
      ...(row.default === null ? {} : { default: row.default }),
      description,
      ...(row.example === undefined ? {} : { examples: [row.example] }),
    },
    read: (found, place) => value.read(found, place),
    schema: (definitions: SchemaDefinitions) => ({
      description: sentence(about),
      ...value.schema(definitions),
    }),
    ...(row.olderManifest === undefined ? {} : { absent: { value: row.olderManifest } }),
  };
}

const sentence = (about: string): string =>
  `${about.charAt(0).toUpperCase()}${about.slice(1)}${about.endsWith("…") ? "" : "."}`;
