import { JsonMismatch } from "./json-check.js";
import { type ImageSettings, imageSettings, settingTable } from "./run-settings.js";
import type { Program, Setting } from "./setting.js";
import type { SettingsJson } from "./setting-types.js";
import { sharedError } from "./shared-errors.js";

/** The settings that a caller chose, which override others. */
export interface SettingChoices {
  applyTo(settings: ImageSettings): ImageSettings;
}

/** How a caller writes the name of a setting. */
export interface SettingNames {
  /** Returns the name among the caller's values. */
  nameOf(flag: string): string;
  /** Returns the name in a message. */
  shownName(flag: string): string;
}

export const flagNames: SettingNames = { nameOf: (flag) => flag, shownName: (flag) => `--${flag}` };

const camelCase = (flag: string): string =>
  flag.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase());

export const optionNames: SettingNames = { nameOf: camelCase, shownName: camelCase };

/** A setting of a program's command line, with the name of its field. */
export interface NamedSetting {
  readonly name: string;
  readonly flag: string;
  readonly row: Setting<unknown>;
}

const rows: readonly (readonly [name: string, row: Setting<unknown>])[] = Object.entries(settingTable);

/** Returns the settings that have a flag in a program. */
export const settingsOn = (program: Program): readonly NamedSetting[] =>
  rows.flatMap(([name, row]) =>
    row.flag !== null && row.on.includes(program) ? [{ name, flag: row.flag, row }] : [],
  );

/**
 * Reads the settings among a caller's values, and checks each.
 *
 * @param given values by name; texts are parsed
 * @throws USAGE for a value that is not allowed, and for two flags that contradict each other
 */
export function settingChoices(
  given: Readonly<Record<string, unknown>>,
  program: Program,
  names: SettingNames,
): SettingChoices {
  const chosen = Object.fromEntries(
    settingsOn(program)
      .map((setting) => [setting.name, chosenValue(given, setting, names)])
      .filter(([, value]) => value !== undefined),
  );
  return { applyTo: (settings) => imageSettings.read({ ...settings, ...chosen }, "settings") };
}

function chosenValue(
  given: Readonly<Record<string, unknown>>,
  { flag, row }: NamedSetting,
  { nameOf, shownName }: SettingNames,
): unknown {
  const written = given[nameOf(flag)];
  const isOff = row.offFlag === null ? undefined : given[nameOf(row.offFlag)];
  if (typeof isOff === "boolean") {
    if (written === isOff)
      throw sharedError("USAGE", `${shownName(flag)} and ${shownName(row.offFlag!)} cannot be used together`);
    return !isOff;
  }
  if (written === undefined) return undefined;
  try {
    return row.value.read(parsed(written, row), shownName(flag));
  } catch (error) {
    if (!(error instanceof JsonMismatch)) throw error;
    throw sharedError("USAGE", `${shownName(flag)} must be ${row.value.allowed}, but is ${String(written)}`);
  }
}

function parsed(written: unknown, { value: { form } }: Setting<unknown>): unknown {
  const texts = [written].flat();
  if (!texts.every((one) => typeof one === "string")) return written;
  if (form === "list") return wordsOf(texts);
  const [word, ...others] = texts;
  if (word === undefined || others.length > 0) return written;
  return form !== "number" ? word : word.trim() === "" ? Number.NaN : Number(word);
}

/** Splits a list as command lines write it: `mha,nii.gz`, or the texts of a flag that was given more than once. */
export const wordsOf = (list: string | readonly string[]): readonly string[] =>
  [list]
    .flat()
    .flatMap((text) => text.split(","))
    .map((word) => word.trim())
    .filter((word) => word !== "");

/** Returns the settings that config.json means, with the defaults of what it leaves out. */
export function settingsOfConfig(json: SettingsJson): ImageSettings {
  const found: Readonly<Record<string, unknown>> = json;
  return withDefaults(({ key, older, default: byDefault }) => {
    const olderValue = older === null ? undefined : older.meaning(found[older.key]);
    return found[key] ?? olderValue ?? byDefault;
  });
}

/** Returns the settings of `predict` without flags, which are nnU-Net's own. */
export const predictDefaults = (): ImageSettings => withDefaults(({ predictDefault }) => predictDefault);

const withDefaults = (defaultOf: (row: Setting<unknown>) => unknown): ImageSettings =>
  imageSettings.read(
    { ...Object.fromEntries(rows.map(([name, row]) => [name, defaultOf(row)])), hookModule: null },
    "settings",
  );
