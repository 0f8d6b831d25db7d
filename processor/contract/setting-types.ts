import type { Checked } from "./json-check.js";
import type { settingTable } from "./run-settings.js";
import type { Program } from "./setting.js";

type Table = typeof settingTable;
type OlderKeys = { [N in keyof Table]: NonNullable<Table[N]["older"]>["key"] }[keyof Table];

/** The settings in config.json. */
export type SettingsJson = {
  readonly [N in keyof Table as Table[N]["key"]]?: NonNullable<Checked<Table[N]>>;
} & { readonly [K in OlderKeys]?: boolean };

type CamelCase<Flag> = Flag extends `${infer Word}-${infer Rest}`
  ? `${Word}${Capitalize<CamelCase<Rest>>}`
  : Flag extends string
    ? Flag
    : never;

/** The settings that a function of the package takes, under the names of its command's flags: `useTta`, `stepSize`. */
export type SettingOptions<P extends Program> = {
  readonly [N in keyof Table as P extends Table[N]["on"][number] ? CamelCase<Table[N]["flag"]> : never]?:
    | Checked<Table[N]>
    | undefined;
};
