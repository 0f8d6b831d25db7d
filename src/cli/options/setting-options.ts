import type { Options } from "yargs";
import { type NamedSetting, settingsOn } from "../../../processor/contract/setting-choices.js";
import type { CommandOption } from "../command.js";
import { outputGroup } from "./output-options.js";

type OptionTable = Readonly<Record<string, CommandOption>>;

/** Returns a command's own options with those of the settings, each below its heading. */
export function withSettings(own: OptionTable, program: "build" | "predict"): OptionTable {
  const settings = settingsOn(program);
  const entries = Object.entries(own);
  const ofOutput = entries.filter(([, { group }]) => group === outputGroup);
  const [firstOutput] = ofOutput[0]!;
  const [lastOutput] = ofOutput.at(-1)!;
  const optionsOf = (group: string) =>
    settings.filter(({ row }) => row.group === group).flatMap((setting) => flagOptions(setting, program));
  return Object.fromEntries(
    entries.flatMap(([name, option]) => [
      ...(name === firstOutput
        ? [...optionsOf("Prediction:"), ...optionsOf("DICOM:"), ...optionsOf("TotalSegmentator:")]
        : []),
      ...(name === lastOutput ? optionsOf(outputGroup) : []),
      [name, option] as const,
    ]),
  );
}

/** A setting has no default for yargs: a flag that was not given must leave the choice to config.json. */
function flagOptions(
  { flag, row }: NamedSetting,
  program: "build" | "predict",
): readonly (readonly [name: string, option: CommandOption])[] {
  const { group, about, offFlag, defaultText, predictDefault } = row;
  const inPredict = typeof predictDefault === "string" ? JSON.stringify(predictDefault) : predictDefault;
  const option: CommandOption = {
    ...typeOf(row),
    group,
    describe: about,
    defaultDescription:
      program === "build" ? `from config.json, or ${defaultText}` : String(inPredict ?? defaultText),
  };
  if (offFlag === null) return [[flag, option]];
  const off: Options = { group, type: "boolean", describe: `nnU-Net's name for --no-${flag}` };
  return [
    [flag, option],
    [offFlag, off],
  ];
}

function typeOf({ value: { form, choices } }: NamedSetting["row"]): CommandOption {
  if (form === "switch") return { type: "boolean" };
  if (choices !== null) return { choices };
  if (form === "list") return { type: "string", requiresArg: true, hasCommas: true };
  return { type: form === "number" ? "number" : "string", requiresArg: true };
}
