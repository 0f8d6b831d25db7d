import { folderHelp } from "../../processor/runtime/entries/folder-arguments.js";
import { writtenName } from "../cli/batch-commands.js";
import { parseCommandLine } from "../cli/command-line.js";
import { commands } from "../cli/command-table.js";
import { serveCommand } from "../predict/nnunet-serve/options.js";

/** Returns docs/reference/cli.md: the help text of every command. */
export async function cliPage(): Promise<string> {
  const sections: string[] = [];
  for (const name of [...Object.keys(commands), serveCommand]) {
    const words = name === "build" ? [] : writtenName(name).split(" ");
    const parsed = await parseCommandLine([...words, "--help"]);
    if (parsed.kind !== "text") throw new Error(`${name} --help ran instead of printing`);
    sections.push(
      `## \`build_processor${words.map((word) => ` ${word}`).join("")}\`\n\n\`\`\`\n${parsed.text.trim()}\n\`\`\`\n`,
    );
  }
  return `# The command line

[how-to/install.md](../how-to/install.md) shows three ways to have the command: installed, in a clone, and by its path.

${sections.join("\n")}
## The program in an image

\`docker run IMAGE --help\` shows its flags; docs/how-to/targets.md says how each platform runs it.

\`\`\`
${folderHelp.trim()}
\`\`\`
`;
}
