import { errorCatalogue } from "../../processor/errors.js";

const kinds: Readonly<Record<number, string>> = {
  2: "Command line and configuration",
  3: "Model",
  4: "Input image",
  5: "The machine: Docker, device, disk, memory, network",
  6: "Some cases failed",
  130: "Interrupted",
};

/** docs/reference/errors.md: every error of the catalogue with its exit code and remedy. */
export function errorsPage(): string {
  const sections = Object.entries(kinds).map(([exit, title]) => {
    const rows = Object.entries(errorCatalogue)
      .filter(([, entry]) => entry.exit === Number(exit))
      .map(([code, { help }]) => `- **\`${code}\`**: ${help}`);
    return `## Exit code ${exit}: ${title}\n\n${rows.join("\n")}\n`;
  });
  return `# Errors

Every mistake has a code that never changes. The message says what was found and where; here stands what to do.
Exit code 1 is a bug: please report it with what was printed.

${sections.join("\n")}`;
}
