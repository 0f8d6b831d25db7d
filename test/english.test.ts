import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { repositoryRoot } from "./support/golden.js";

/** Phrases that read like a translation, and what to write instead. */
const phrases: readonly (readonly [phrase: RegExp, instead: string])[] = [
  [/(?:\/\/|\/?\*\*?) Of (?!course)/, "start with a verb or a noun phrase with an article"],
  [/(?:\/\/|\/?\*\*?) Whether\b/, "Returns whether …, or True if …"],
  [/\b(?:lies|lie) (?:in|on|at|beside|below|next|there|within)\b/, "is in, is next to"],
  [/\btells? of\b/, "reports, says"],
  [
    /(?<!there )\bis no (?:archive|case|directory|file|folder|image|list|model|name|number|object|text)\b/,
    "is not a …",
  ],
  [/\banew\b/, "again"],
  [/\bmidst\b/, "in the middle of"],
  [/\bwhoever\b/, "name who"],
  [/\bbefore any work\b/, "before the work starts"],
  [/(?<!\bproxy )\bin front of\b/, "before, unless it is a proxy"],
  [/\bthat (?:is|are) not there\b/, "that does not exist"],
  [/'s own words\b/, "'s message"],
  [/\bnobody's rights\b/, "as a user without rights"],
  [/\b(?:is|are) told (?:as|before|of)\b/, "is reported"],
];

const folders = ["src", "processor", "viewer", "examples", "test", "docs", "templates", "base-image", "bin"];
const pages = [
  "README.md",
  "ARCHITECTURE.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  "build_processor.ts",
  "setup.mjs",
  "vitest.config.mjs",
  ".ci/run",
];
const texts = folders
  .flatMap((folder) =>
    readdirSync(join(repositoryRoot, folder), { recursive: true, encoding: "utf8" }).map(
      (path) => `${folder}/${path}`,
    ),
  )
  .filter(
    (path) =>
      /\.(?:ts|md|hbs|[cm]?js|py|sh|yml)$/.test(path) && !/^test\/(golden\/v|fixtures|english)/.test(path),
  )
  .concat(pages);

test.each(phrases)("no text has %s", (phrase, instead) => {
  const found = texts.flatMap((path) =>
    readFileSync(join(repositoryRoot, path), "utf8")
      .split("\n")
      .flatMap((line, i) => (phrase.test(line) ? [`${path}:${i + 1}: ${line.trim()} (${instead})`] : [])),
  );
  expect(found).toEqual([]);
});
