import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, expect, test } from "vitest";
import { completeMetadata } from "../../../processor/dicom-objects/read-metadata.js";
import { parseCommandLine } from "../../../src/cli/command-line.js";
import { checkConfig } from "../../../src/config/load-config.js";
import { testDefaults } from "../../support/dicom/golden-objects.js";
import { repositoryRoot } from "../../support/golden.js";

const pages = [
  join(repositoryRoot, "README.md"),
  ...["", "tutorials", "how-to", "explanation", "reference", "decisions"].flatMap((folder) =>
    readdirSync(join(repositoryRoot, "docs", folder))
      .filter((name) => name.endsWith(".md"))
      .map((name) => join(repositoryRoot, "docs", folder, name)),
  ),
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
    .map((line) => /^(?:\$ )?(?:npx --no-install )?build_processor(?: (.*))?$/.exec(line)?.[1]?.trim())
    .filter((words) => words !== undefined)
    .map((words) => ({ place, words: words.split(/\s+/) }));

describe("every command in README and docs is accepted by the program", () => {
  const commands = blocks
    .filter(({ language }) => ["bash", "sh", "console"].includes(language))
    .flatMap(commandsIn);
  test.each(commands.map(({ place, words }) => [words.join(" "), place, words] as const))(
    "%s (%s)",
    async (_line, _place, words) => {
      expect((await parseCommandLine(words)).kind).toBe(words.includes("--version") ? "text" : "command");
    },
  );
});

const json = blocks.filter(({ language, text }) => language === "json" && !text.includes("errorVersion"));
const isMetadata = ({ text }: Block): boolean => /^\s*\{\s*"algorithm_name"/.test(text);

describe("every description of segments in README and docs is valid", () => {
  test.each(json.filter(isMetadata).map(({ place, text }) => [place, text] as const))("%s", (place, text) => {
    expect(() => completeMetadata(JSON.parse(text), place, testDefaults)).not.toThrow();
  });
});

describe("every config.json in README and docs is valid", () => {
  const configs = json.filter((block) => !isMetadata(block));
  test.each(configs.map(({ place, text }) => [place, text] as const))("%s", async (place, text) => {
    expect(() => checkConfig(JSON.parse(text), { path: place })).not.toThrow();
  });
});

/** All files that show commands: pages, examples and the sources with their messages. */
const shown = [
  "README.md",
  "ARCHITECTURE.md",
  "CONTRIBUTING.md",
  "docs",
  "examples",
  "src",
  "processor",
  "templates",
]
  .flatMap((name) => {
    const path = join(repositoryRoot, name);
    if (!statSync(path).isDirectory()) return [path];
    return readdirSync(path, { recursive: true, encoding: "utf8" }).map((below) => join(path, below));
  })
  .filter((path) => /\.(?:md|ts|sh|yml|svg|hbs|json)$/.test(path));

// Without --no-install, npx runs another package of that name if our command is not installed.
test("npx is shown only with --no-install or a path, so that it never fetches a package by name", () => {
  const unsafe = shown.flatMap((path) =>
    [...readFileSync(path, "utf8").matchAll(/\bnpx (?!--no-install |\$\{packageRoot\}|[/.])[\w@-]+/g)]
      .map(([found]) => found)
      .filter((found) => /[-_]|tsc|vitest|biome/.test(found.slice("npx ".length)))
      .map((found) => `${path.slice(repositoryRoot.length + 1)}: ${found}`),
  );
  expect(unsafe).toEqual([]);
});

test("docs/README.md links every page below docs", () => {
  const docs = join(repositoryRoot, "docs");
  const index = readFileSync(join(docs, "README.md"), "utf8");
  const unlinked = pages
    .filter((page) => page.startsWith(join(docs, "/")))
    .map((page) => relative(docs, page).replaceAll("\\", "/"))
    .filter((page) => page !== "README.md" && !index.includes(`(${page})`));
  expect(unlinked).toEqual([]);
});

test("every link to a file of the repository is valid", () => {
  const missing = pages.flatMap((page) =>
    [...readFileSync(page, "utf8").matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)]
      .map(([, target]) => target!)
      .filter((target) => !/^[a-z]+:/.test(target) && !existsSync(join(dirname(page), target)))
      .map((target) => `${page.slice(repositoryRoot.length + 1)}: ${target}`),
  );
  expect(missing).toEqual([]);
});
