import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "../../support/golden.js";
import type { Mutation } from "../mutations/mutate.js";

/** A reader of untrusted bytes. */
export interface FuzzedReader {
  readonly mutation: Mutation;
  /** Returns valid files, all of which `read` accepts. */
  readonly seeds: () => Promise<readonly FuzzSeed[]>;
  /** Reads the input and checks what must be true of every result; rejects with a ProcessorError to refuse the input. */
  readonly read: (input: FuzzInput) => Promise<void>;
}

export interface FuzzSeed {
  /** A path in the input's folder, whose ending stands for the format. */
  readonly path: string;
  readonly bytes: () => Buffer;
  /** Other files that the reader needs; they are not changed. */
  readonly companions?: Readonly<Record<string, () => Buffer>>;
}

/** A changed file at the path where its reader looks for it. */
export interface FuzzInput {
  /** An absolute path; the reader may write in this folder only. */
  readonly folder: string;
  /** An absolute path. */
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

/** The largest seed, because larger files would allow few inputs a second. */
const largestSeedBytes = 800_000;

/** Returns a seed for every file below the folder whose path matches. */
export function filesBelow(folder: string, path: RegExp): readonly FuzzSeed[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => path.test(name))
    .map((name) => join(folder, name))
    .filter((file) => statSync(file).size <= largestSeedBytes)
    .sort()
    .map((file) => seedFile(file));
}

/**
 * Returns a file of a folder as a seed, with other files of the folder as its companions.
 *
 * @param others matches the paths of the companions
 */
export function seedInFolder(folder: string, path: string, others = /^/): FuzzSeed {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  const files = names.filter(
    (name) => name !== path && others.test(name) && statSync(join(folder, name)).isFile(),
  );
  const companions = files.map((name) => [name, () => readFileSync(join(folder, name))] as const);
  return { ...seedFile(join(folder, path), path), companions: Object.fromEntries(companions) };
}

/** @throws Error if a result is wrong, which counts as a fault of the reader */
export function require(isRight: boolean, what: string): void {
  if (!isRight) throw new Error(`the result does not have ${what}`);
}
