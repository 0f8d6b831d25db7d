import { meaningOf } from "../cli/nnunet-flags/flags-text.js";
import { nnunetFlags } from "../cli/nnunet-flags/translate-command.js";
import { type NnunetName, namesOfV1, namesOfV2 } from "../cli/nnunet-names.js";

/** Returns the page that lists nnU-Net's commands with their counterparts. */
export const nnunetCommandsPage = (): string => `# nnU-Net's commands and their counterparts

Each command of nnU-Net, what it does, and the command of \`build_processor\` that does the same. Its options have nnU-Net's
names where that is possible: \`-d\`, \`-c\`, \`-f\`, \`-p\`, \`-tr\`, \`-chk\`, \`-djfile\`, \`--npz\`, \`--disable_tta\` and others are
understood. \`build_processor nnUNetv2_predict\` with nnU-Net's options answers with the same command line here, and with
\`--help\` it says what each option is here.

## nnU-Net v2 (nnunetv2 2.8.1)

${table(namesOfV2)}

## nnU-Net v1 (nnunet 1.7.1)

${table(namesOfV1)}

## Options

A word without dashes is the argument at that place. Options without a counterpart have the reason in brackets.

${[...namesOfV2, ...namesOfV1].map(flagsOf).join("\n")}
`;

const flagsOf = ({ name }: NnunetName): string =>
  `- \`${name}\`: ${nnunetFlags[name]!.map((flag) => {
    const meaning = meaningOf(flag);
    const shown = meaning.startsWith("--") && flag.reason === undefined ? `\`${meaning}\`` : meaning;
    const names = flag.names.map((word) => `\`${word}\``).join(" or ");
    return flag.reason === undefined ? `${names} → ${shown}` : `${names} (${meaning})`;
  }).join(", ")}.`;

const table = (names: readonly NnunetName[]): string =>
  [
    "| nnU-Net | what it does | here | note |",
    "| --- | --- | --- | --- |",
    ...names.map(
      ({ name, does, here, note }) =>
        `| \`${name}\` | ${does} | ${here === null ? "–" : here.split(", ").map(link).join(", ")} | ${note ?? ""} |`,
    ),
  ].join("\n");

const link = (command: string): string => {
  const [name = ""] = command.split(" ");
  return `[\`${command}\`](cli.md#build_processor-${name})`;
};
