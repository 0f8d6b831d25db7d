import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "../../support/golden.js";
import type { Mutation } from "../mutations/mutate.js";

/** Something that reads strangers' bytes. */
export interface FuzzedReader {
  readonly mutation: Mutation;
  /** Valid files: `read` accepts each of them as it is. */
  readonly seeds: () => Promise<readonly FuzzSeed[]>;
  /** Reads the input and checks what holds for every result; throws a ProcessorError to refuse it. */
  readonly read: (input: FuzzInput) => Promise<void>;
}

export interface FuzzSeed {
  /** Below the input's folder. Its ending says the format. */
  readonly path: string;
  readonly bytes: () => Buffer;
  /** Files that the reader needs beside it, which are not changed. */
  readonly companions?: Readonly<Record<string, () => Buffer>>;
}

/** A changed file where its reader looks for it. */
export interface FuzzInput {
  /** Absolute; the reader may write here and nowhere else. */
  readonly folder: string;
  /** Absolute. */
  readonly file: string;
}

export const seedFile = (file: string, path = file.split("/").at(-1)!): FuzzSeed => ({
  path,
  bytes: () => readFileSync(file),
});

export const seedText = (path: string, value: unknown): FuzzSeed => ({
  path,
  bytes: () => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)),
});

export const fixtures = join(repositoryRoot, "test", "fixtures");
export const golden = join(repositoryRoot, "test", "golden");

/** Larger files make few inputs a second. */
const largestSeedBytes = 800_000;

/** Every file below a folder whose path matches, as a seed of its own name. */
export function filesBelow(folder: string, path: RegExp): readonly FuzzSeed[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => path.test(name))
    .map((name) => join(folder, name))
    .filter((file) => statSync(file).size <= largestSeedBytes)
    .sort()
    .map((file) => seedFile(file));
}

/**
 * A file of a folder, with the folder's other files beside it.
 *
 * @param others which of them, by their path
 */
export function seedInFolder(folder: string, path: string, others = /^/): FuzzSeed {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  const files = names.filter(
    (name) => name !== path && others.test(name) && statSync(join(folder, name)).isFile(),
  );
  const companions = files.map((name) => [name, () => readFileSync(join(folder, name))] as const);
  return { ...seedFile(join(folder, path), path), companions: Object.fromEntries(companions) };
}

/** @throws Error, which is a fault of the reader */
export function require(isRight: boolean, what: string): void {
  if (!isRight) throw new Error(`the result does not have ${what}`);
}
