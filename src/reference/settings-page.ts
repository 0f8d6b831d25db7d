import { settingTable } from "../../processor/contract/run-settings.js";
import type { Program, Setting } from "../../processor/contract/setting.js";
import { optionNames } from "../../processor/contract/setting-choices.js";

/** Returns docs/reference/settings.md: where each setting of a run can be given. */
export function settingsPage(): string {
  const rows: readonly Setting<unknown>[] = Object.values(settingTable);
  return `# Settings

Each setting of a run has one meaning wherever it is given. config.json holds the defaults of an image; \`build\` and
\`verify\` override them before the image is built, and the image's own flags (\`docker run IMAGE --help\`) when it runs.
\`predict\` reads no config.json: without flags it does what nnU-Net does. The functions of the package take the names in
the last column. [config.md](config.md) and [cli.md](cli.md) describe each setting.

| config.json | \`build\`, \`verify\` | \`predict\` | image | values | default | in a program |
| --- | --- | --- | --- | --- | --- | --- |
${rows.map(line).join("\n")}
`;
}

function line(row: Setting<unknown>): string {
  const { key, flag, value, on, defaultText, predictDefault } = row;
  const inPredict = on.includes("predict") && predictDefault !== row.default;
  const cells = [
    `\`${key}\``,
    ...(["build", "predict", "image"] as const).map((program) => flagOn(program, row)),
    value.choices?.map((choice) => `\`${choice}\``).join(", ") ?? value.allowed,
    `${row.default === null ? defaultText : code(defaultText)}${inPredict ? `; \`predict\`: ${code(String(predictDefault))}` : ""}`,
    flag === null || !on.some((program) => program !== "image") ? "" : `\`${optionNames.nameOf(flag)}\``,
  ];
  return `| ${cells.join(" | ")} |`;
}

const flagOn = (program: Program, { flag, on }: Setting<unknown>): string =>
  flag !== null && on.includes(program) ? `\`--${flag}\`` : "";

const code = (text: string): string => `\`${text}\``;
