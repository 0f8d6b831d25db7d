import { createHash, timingSafeEqual } from "node:crypto";
import { readTextFile, unreadable } from "../../../files/read-text-file.js";
import { serviceError } from "../errors.js";

/** What a client may do. Each scope contains the ones before it. */
export const scopes = ["read", "infer", "admin"] as const;

export type Scope = (typeof scopes)[number];

/** Who sent a request. */
export interface Client {
  readonly name: string;
  readonly scope: Scope;
}

interface TokenLine extends Client {
  readonly digest: Buffer;
}

/** The tokens of the server. Only their digests are in memory. */
export class Tokens {
  readonly #lines: readonly TokenLine[];

  constructor(lines: readonly TokenLine[]) {
    this.#lines = lines;
  }

  /** Returns the client with a token; null for an unknown one. The time does not depend on the token. */
  find(token: string): Client | null {
    const digest = digestOf(token);
    let found: Client | null = null;
    for (const line of this.#lines)
      if (timingSafeEqual(line.digest, digest)) found = { name: line.name, scope: line.scope };
    return found;
  }
}

export const mayDo = ({ scope }: Client, needed: Scope): boolean =>
  scopes.indexOf(scope) >= scopes.indexOf(needed);

const digestOf = (token: string): Buffer => createHash("sha256").update(token).digest();

const maxTokenFileBytes = 1 << 20;
const shortestToken = 16;

/**
 * Reads a file with one token in each line: `name:scope:token`. Empty lines and lines that start with # do not count.
 *
 * @throws SERVICE_USAGE with all faults at once
 */
export async function readTokenFile(path: string): Promise<Tokens> {
  const text = await readTextFile(path, maxTokenFileBytes).catch((cause: unknown) => {
    throw serviceError("SERVICE_USAGE", `--token-file ${path}: ${unreadable(cause)}`, { cause });
  });
  const faults: string[] = [];
  const lines: TokenLine[] = [];
  for (const [place, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const [, name, scope, token] = /^([\w.-]+):(read|infer|admin):(\S+)$/.exec(line.trim()) ?? [];
    if (token === undefined)
      faults.push(`line ${place + 1} is not name:scope:token, with read, infer or admin`);
    else if (token.length < shortestToken)
      faults.push(`line ${place + 1}: the token has fewer than ${shortestToken} characters`);
    else if (lines.some((other) => other.name === name))
      faults.push(`line ${place + 1}: ${name} has a token already`);
    else lines.push({ name: name!, scope: scope as Scope, digest: digestOf(token) });
  }
  if (lines.length === 0 && faults.length === 0) faults.push("it holds no token");
  if (faults.length > 0) throw serviceError("SERVICE_USAGE", `--token-file ${path}: ${faults.join("; ")}`);
  return new Tokens(lines);
}
