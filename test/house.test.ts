import { readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { expect, test } from "vitest";
import { repositoryRoot } from "./support/golden.js";

/**
 * Each room and the rooms whose code it may use. A room names only rooms above it, so that no cycle is possible. A room is
 * a project of `processor/`, a folder of `processor/runtime/`, or a folder of `src/`. Types are free: they cost nothing at
 * run time, and the projects' references hold their direction. Every room may use the ground.
 */
const allowed: readonly (readonly [room: string, mayUse: string])[] = [
  ["contract", ""],
  ["processor/files", "contract"],
  ["imaging", ""],
  ["nnunet-files", "imaging"],
  ["dicom-objects", "imaging"],
  ["runtime/errors", "imaging dicom-objects"],
  ["runtime/cases", "imaging runtime/errors"],
  ["runtime/model", ""],
  ["runtime/hooks", "imaging runtime/errors"],
  ["runtime/preprocess", "imaging"],
  ["runtime/inference", "imaging runtime/errors"],
  ["runtime/postprocess", "imaging runtime/inference"],
  [
    "runtime/outputs",
    "imaging dicom-objects nnunet-files runtime/errors runtime/cases runtime/model runtime/postprocess",
  ],
  [
    "runtime/segment",
    "imaging nnunet-files runtime/errors runtime/cases runtime/model runtime/preprocess runtime/inference runtime/postprocess runtime/outputs",
  ],
  [
    "runtime/totalsegmentator",
    "imaging runtime/preprocess runtime/postprocess runtime/outputs runtime/segment",
  ],
  ["runtime/threads", "imaging runtime/preprocess runtime/postprocess runtime/totalsegmentator"],
  [
    "runtime/run",
    "imaging runtime/errors runtime/hooks runtime/inference runtime/outputs runtime/segment runtime/totalsegmentator runtime/threads",
  ],
  [
    "runtime/service",
    "imaging dicom-objects runtime/errors runtime/cases runtime/model runtime/inference runtime/outputs runtime/run",
  ],
  [
    "runtime/entries",
    "imaging runtime/errors runtime/cases runtime/model runtime/outputs runtime/run runtime/service",
  ],
  [
    "runtime/batch",
    "imaging runtime/errors runtime/cases runtime/model runtime/outputs runtime/run runtime/entries",
  ],
  ["runtime/queue", "runtime/errors runtime/service runtime/batch"],
  ["runtime/program", "dicom-objects runtime/model runtime/run runtime/entries"],
  ["ground", "imaging dicom-objects runtime/errors runtime/service runtime/batch"],
  ["config", "dicom-objects"],
  ["checkpoint", "imaging"],
  ["download", ""],
  ["model-source", "download"],
  ["totalsegmentator", ""],
  ["onnx", ""],
  ["convert", "checkpoint onnx"],
  ["models", "checkpoint model-source totalsegmentator convert"],
  [
    "nnunet",
    "imaging nnunet-files runtime/preprocess runtime/postprocess runtime/run runtime/threads checkpoint",
  ],
  ["image", "checkpoint"],
  ["oci", "imaging download image"],
  ["docker", "image oci"],
  ["base-image", "download image oci"],
  ["attest", "download oci"],
  ["targets", "imaging runtime/cases config image oci docker base-image"],
  ["build", "config download model-source convert models image oci docker base-image attest targets"],
  [
    "inspect",
    "checkpoint model-source totalsegmentator onnx convert models oci docker runtime/inference base-image",
  ],
  [
    "predict",
    "imaging dicom-objects runtime/errors runtime/cases runtime/service runtime/entries runtime/batch config download convert models docker",
  ],
  ["batch", "dicom-objects runtime/batch config convert models predict"],
  ["benchmark", "imaging runtime/preprocess runtime/inference runtime/model runtime/threads"],
  [
    "cli",
    "imaging runtime/errors runtime/cases runtime/run runtime/service runtime/batch runtime/queue runtime/program download config model-source totalsegmentator convert models image oci docker base-image targets build inspect predict nnunet batch benchmark",
  ],
  ["api", "download config convert models oci targets inspect predict build"],
  ["reference", "runtime/service runtime/entries config base-image predict cli"],
];

const grounds = ["contract", "processor/files", "ground"];

interface Use {
  readonly file: string;
  readonly line: number;
  readonly from: string;
  readonly to: string;
}

const filesOf = (folder: string): readonly string[] =>
  readdirSync(join(repositoryRoot, folder), { recursive: true, encoding: "utf8" })
    .filter((path) => /(?<!\.d)\.ts$/.test(path))
    .map((path) => posix.join(folder, path));

const files = ["src", "processor"].flatMap(filesOf);

/** The web page runs in a browser. It uses nothing of the other programs, and nothing of them uses it. */
const pageFiles = filesOf("viewer");

function roomOf(file: string): string {
  const [program, first = "", second = ""] = file.split("/");
  if (first === "files") return `${program}/files`;
  return program === "processor" && first === "runtime" ? `runtime/${second.replace(/\.[jt]s$/, "")}` : first;
}

interface Import {
  readonly line: number;
  readonly names: string;
  readonly target: string;
}

const sources = new Map(
  [...files, ...pageFiles].map((file) => [file, readFileSync(join(repositoryRoot, file), "utf8")]),
);

/** Imports and re-exports of files of this repository, types included. */
const importsOf = (file: string): readonly Import[] =>
  [...sources.get(file)!.matchAll(/^(?:import|export)\s([^;"']*?)\sfrom\s"(\.[^"]+)\.js"/gm)].map(
    (found) => ({
      line: sources.get(file)!.slice(0, found.index).split("\n").length,
      names: found[1]!,
      target: `${posix.join(posix.dirname(file), found[2]!)}.ts`,
    }),
  );

/** Imports and re-exports that exist at run time. */
function usesOf(file: string): readonly Use[] {
  return importsOf(file)
    .filter(({ names }) => !names.startsWith("type ") && !isTypesOnly(names))
    .map(({ line, target }) => ({ file, line, from: roomOf(file), to: roomOf(target) }))
    .filter(({ from, to }) => from !== to && (from === "processor/files" || !grounds.includes(to)));
}

const isTypesOnly = (names: string): boolean =>
  names.startsWith("{") &&
  names
    .slice(1, -1)
    .split(",")
    .map((name) => name.trim())
    .every((name) => name === "" || name.startsWith("type "));

const uses = files.flatMap(usesOf);
const table = new Map(allowed.map(([room, mayUse]) => [room, mayUse.split(" ").filter(Boolean)]));

test("every file uses only the code of rooms that its own room may use", () => {
  const wrong = uses
    .filter(({ from, to }) => !table.get(from)?.includes(to))
    .map(({ file, line, from, to }) => `${file}:${line}: ${from} may not use ${to}`);
  expect(wrong).toEqual([]);
});

test("a room uses only rooms above it in the table", () => {
  const rooms = [...table.keys()];
  const upward = rooms.flatMap((room, place) =>
    table.get(room)!.filter((used) => !rooms.slice(0, place).includes(used)),
  );
  expect(upward).toEqual([]);
});

test("every room and every permission of the table is in use", () => {
  const found = new Set(uses.map(({ from, to }) => `${from} uses ${to}`));
  const listed = [...table].flatMap(([room, mayUse]) => mayUse.map((used) => `${room} uses ${used}`));
  expect(listed.filter((arrow) => !found.has(arrow))).toEqual([]);
  expect([...table.keys()].filter((room) => !files.some((file) => roomOf(file) === room))).toEqual([]);
});

test("no file imports itself through other files, not even for a type", () => {
  const circles: string[] = [];
  const finished = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(" → "));
    if (finished.has(file) || path.includes(file)) return;
    for (const { target } of importsOf(file)) visit(target, [...path, file]);
    finished.add(file);
  };
  for (const file of [...files, ...pageFiles]) visit(file, []);
  expect(circles).toEqual([]);
});

test("the web page uses no file outside its folder", () => {
  const outside = pageFiles.flatMap(importsOf).filter(({ target }) => !target.startsWith("viewer/"));
  expect(outside).toEqual([]);
});

test("no file has more than 300 lines", () => {
  const long = [...sources].map(([file, source]) => [file, source.split("\n").length - 1] as const);
  expect(long.filter(([, lines]) => lines > 300)).toEqual([]);
});

/** Ways to write something that have another, usual one, and the files that may use them. */
const idioms: readonly (readonly [way: string, pattern: RegExp, mayUse: RegExp])[] = [
  ["a signal that may be absent, except in the options of the API", /\bsignal\?:/, /^src\/(?:api|cli)\//],
  [
    "`private` or `protected` instead of #, except for constructors",
    /^\s*(?:private(?! constructor\()|protected) /,
    /^$/,
  ],
  ["a spread object literal, which only saves lines", /\.\.\.\{/, /^$/],
  ["a cast of an axis; `perAxis` and `mapZyx` know theirs", /as 0 \| 1 \| 2/, /^$/],
  [
    "a copy that is written in place, in nnU-Net's tools; `copyFileWhole` leaves no half of one",
    /\bcopyFile\(/,
    /^(?!src\/nnunet\/)|^src\/nnunet\/conversion\/build-folder\.ts$/,
  ],
  ["a cast from one type to any other", /as unknown as/, /^src\/download\/http-client\.ts$/],
];

test.each(idioms)("no file has %s", (_, pattern, mayUse) => {
  const found = [...sources].flatMap(([file, source]) =>
    source.split("\n").flatMap((line, i) => (pattern.test(line) ? [`${file}:${i + 1}: ${line.trim()}`] : [])),
  );
  expect(found.filter((place) => !mayUse.test(place.split(":")[0]!))).toEqual([]);
});
