import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseCommandLine } from "../../../src/cli/command-line.js";
import { checkConfig, readConfigSchema } from "../../../src/config/load-config.js";
import { repositoryRoot } from "../../support/golden.js";

const howTo = join(repositoryRoot, "docs", "how-to");
const pages = [
  join(repositoryRoot, "README.md"),
  ...readdirSync(howTo)
    .filter((name) => name.endsWith(".md"))
    .map((name) => join(howTo, name)),
];

interface Block {
  readonly place: string;
  readonly language: string;
  readonly text: string;
}

const blocks: readonly Block[] = pages.flatMap((page) =>
  [...readFileSync(page, "utf8").matchAll(/^```(\w+)\n(.*?)^```/gms)].map(([, language, text], i) => ({
    ...{
      place: `${page.slice(repositoryRoot.length + 1)}, block ${i + 1}`,
      language: language!,
      text: text!,
    },
  })),
);

const commandsIn = ({ place, text }: Block) =>
  text
    .replaceAll("\\\n", " ")
    .split("\n")
    .map((line) => line.replace(/\s#.*$/, "").trim())
    .filter((line) => line.startsWith("npx build_processor"))
    .map((line) => ({ place, words: line.split(/\s+/).slice(2) }));

describe("every command in README and docs/how-to is one that the program takes", () => {
  const commands = blocks.filter(({ language }) => language === "bash").flatMap(commandsIn);
  test.each(commands.map(({ place, words }) => [words.join(" "), place, words] as const))(
    "%s (%s)",
    async (_line, _place, words) => {
      expect((await parseCommandLine(words)).kind).toBe("command");
    },
  );
});

describe("every config.json in README and docs/how-to is valid", () => {
  const configs = blocks.filter(({ language }) => language === "json");
  test.each(configs.map(({ place, text }) => [place, text] as const))("%s", async (place, text) => {
    expect(() => checkConfig(JSON.parse(text), { path: place, schema })).not.toThrow();
  });
});

const schema = await readConfigSchema();
