import { builderCatalogue } from "../ground/errors/catalogue.js";

const kinds: Readonly<Record<number, string>> = {
  2: "Command line and configuration",
  3: "Model",
  4: "Input image",
  5: "The machine: Docker, device, disk, memory, network",
  6: "Some cases failed",
  130: "Interrupted",
};

/** Returns docs/reference/errors.md: every error of the catalogue with its exit code and remedy. */
export function errorsPage(): string {
  const sections = Object.entries(kinds).map(([exit, title]) => {
    const rows = builderCatalogue
      .filter(([, entry]) => entry.exit === Number(exit))
      .map(
        ([code, entry]) =>
          `- **\`${code}\`**: ${entry.help}${entry.imageHelp === undefined ? "" : ` In an image: ${entry.imageHelp}`}`,
      );
    return `## Exit code ${exit}: ${title}\n\n${rows.join("\n")}\n`;
  });
  return `# Errors

Every mistake has a code that never changes. The message says what was found and where; this page says what to do. A command
shows a sentence only if it has the flags in it. Exit code 1 is a bug: please report it with what was printed.

With \`--json\` a command that fails before its report prints the error on stdout instead, and nothing else on stdout:

\`\`\`json
{ "errorVersion": 1, "error": { "code": "INPUT_NOT_FOUND", "message": "…", "help": "…", "exitCode": 4 } }
\`\`\`

Within one \`errorVersion\`, keys are only added. If a command has already printed its report, the report states what failed.

${sections.join("\n")}`;
}
