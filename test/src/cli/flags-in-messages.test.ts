import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { flagsIn } from "../../../processor/contract/help-for.js";
import { imageFlags } from "../../../processor/runtime/entries/folder-arguments.js";
import { batchCommands } from "../../../src/cli/batch-commands.js";
import { flagsOf } from "../../../src/cli/command-line.js";
import { commands } from "../../../src/cli/command-table.js";
import { repositoryRoot } from "../../support/golden.js";

const common = (sets: readonly ReadonlySet<string>[]): ReadonlySet<string> =>
  new Set([...sets[0]!].filter((flag) => sets.every((set) => set.has(flag))));
const ofAll = (...names: readonly string[]): ReadonlySet<string> => common(names.map(flagsOf));

/** Flags that a file's messages may name: those of every program that prints them. The first match counts. */
const allowed: readonly (readonly [path: RegExp, flags: ReadonlySet<string>])[] = [
  [/^src\/(cli\/commands\/build|models\/models-of-config)\.ts$/, flagsOf("build")],
  // Its result names the command that comes next.
  [/^src\/cli\/commands\/training-image/, flagsOf("train")],
  ...Object.keys(commands).map(
    (name) => [new RegExp(`^src/cli/commands/${name}\\.ts$`), flagsOf(name)] as const,
  ),
  [/^src\/(predict\/nnunet-serve\/|cli\/commands\/predict-nnunet-serve)/, flagsOf("predict-nnunet-serve")],
  [/^src\/targets\/preflight\//, flagsOf("preflight")],
  [/^src\/targets\/amos22\/config\.ts$/, flagsOf("build")],
  [/^src\/targets\/grand-challenge\/invoke-trial\.ts$/, flagsOf("simulate")],
  [/^src\/targets\/simulate\//, flagsOf("simulate")],
  [/^src\/targets\//, ofAll("simulate", "preflight")],
  [/^src\/base-image\/debian-root\.ts$/, common([flagsOf("build"), flagsOf("base-image")])],
  [
    /^processor\/(contract\/shared-errors|runtime\/(errors|entries\/folder-arguments|cases\/find-image-cases))\.ts$/,
    imageFlags,
  ],
  [/^processor\/runtime\/service\//, flagsOf("serve")],
  [
    /^processor\/runtime\/(?:batch|queue)\//,
    new Set(Object.keys(batchCommands).flatMap((name) => [...flagsOf(name)])),
  ],
  [/^processor\//, common([flagsOf("predict"), imageFlags])],
  [/^src\//, new Set(Object.keys(commands).flatMap((name) => [...flagsOf(name)]))],
];

/** Files whose flags are those of other programs, of pages, or have a test of their own. */
const elsewhere =
  /^src\/(reference|cli\/options|cli\/(program-call|command-line|completion-script|foreign-flags)|cli\/commands\/build-report)|^src\/base-image\/(?!debian-root)|^src\/docker\/|^src\/errors\/|^processor\/(contract\/help-for|runtime\/inference\/gpu-facts)\.ts/;

const files = ["src", "processor"].flatMap((folder) =>
  readdirSync(join(repositoryRoot, folder), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts") && !path.endsWith(".d.ts"))
    .map((path) => `${folder}/${path}`),
);

/** Texts of several words: a word alone is an argument for another program. Inserted values are left out. */
const sentencesOf = (path: string): readonly string[] =>
  textsIn(readFileSync(join(repositoryRoot, path), "utf8")).filter((text) => text.trim().includes(" "));

/** Comments, and texts in either quotes. */
const token = /\/\*[\s\S]*?\*\/|\/\/.*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`/g;

function textsIn(source: string): readonly string[] {
  const texts: string[] = [];
  const scanner = new RegExp(token);
  for (let found = scanner.exec(source); found !== null; found = scanner.exec(source)) {
    const [text] = found;
    if (text === "`") scanner.lastIndex = readTemplate(source, scanner.lastIndex, texts);
    else if (!text.startsWith("/")) texts.push(text.slice(1, -1));
  }
  return texts;
}

/** Reads a template, starting after its first backtick, and the texts in its `${…}`; returns the position of its end. */
function readTemplate(source: string, start: number, texts: string[]): number {
  let text = "";
  for (let i = start; i < source.length; i++) {
    const character = source[i]!;
    if (character === "\\") text += source[++i];
    else if (character === "`") {
      texts.push(text);
      return i + 1;
    } else if (source.startsWith("${", i)) {
      const end = endOfInsertion(source, i + 2);
      texts.push(...textsIn(source.slice(i + 2, end)));
      text += "…";
      i = end;
    } else text += character;
  }
  return source.length;
}

function endOfInsertion(source: string, start: number): number {
  for (let i = start, depth = 1; i < source.length; i++) {
    if (source[i] === "`") i = readTemplate(source, i + 1, []) - 1;
    else if (source[i] === "{") depth++;
    else if (source[i] === "}" && --depth === 0) return i;
  }
  return source.length;
}

test("no message names a flag that its program lacks", () => {
  const wrong = files
    .filter((path) => !elsewhere.test(path))
    .flatMap((path) => {
      const flags = allowed.find(([pattern]) => pattern.test(path))![1];
      return sentencesOf(path).flatMap((text) =>
        flagsIn(text)
          .filter((flag) => !flags.has(flag))
          .map((flag) => `${path}: ${flag} in "${text}"`),
      );
    });
  expect(wrong).toEqual([]);
});
