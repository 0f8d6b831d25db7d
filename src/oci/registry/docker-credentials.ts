import { execFile } from "node:child_process";
import { join } from "node:path";
import type { ProcessorError } from "../../../processor/contract/errors.js";
import { homeFolder } from "../../../processor/contract/home-folder.js";
import {
  type Checked,
  orAbsent,
  record,
  recordOf,
  text as string,
} from "../../../processor/contract/json-check.js";
import { ownEntry } from "../../../processor/contract/own-entry.js";
import { parseChecked } from "../../../processor/contract/parse-checked.js";
import { readTextFile, unreadable } from "../../../processor/files/read-text-file.js";
import { builderError } from "../../ground/errors/builder-errors.js";
import { trimmedEnd } from "../../ground/untrusted/trimmed-end.js";

/** Credentials for a registry: a name and password, or a token from an earlier login. */
export type Credentials =
  | { readonly kind: "password"; readonly user: string; readonly password: string }
  | { readonly kind: "identity-token"; readonly token: string };

const authEntry = record({
  auth: orAbsent(string),
  username: orAbsent(string),
  password: orAbsent(string),
  identitytoken: orAbsent(string),
});

type AuthEntry = Checked<typeof authEntry>;

const dockerConfig = record({
  auths: orAbsent(recordOf(authEntry)),
  credsStore: orAbsent(string),
  credHelpers: orAbsent(recordOf(string)),
});

type DockerConfig = Checked<typeof dockerConfig>;

/** The answer of a credential helper, with the field names of its protocol. */
const helperAnswerShape = record({ Username: string, Secret: string });

export interface HelperLimits {
  readonly seconds: number;
}

/** Two minutes, because a helper may ask the user to unlock a key ring. */
const defaultHelperLimits: HelperLimits = { seconds: 120 };

/** Far larger than a file that `docker login` writes. */
const maxConfigBytes = 1 << 24;

/**
 * Returns the credentials that `docker login` saved for a registry, in Docker's config.json (`DOCKER_CONFIG`,
 * by default `~/.docker`) or in the credential helper that it names. Returns null if there are none, because
 * many registries allow anonymous reads.
 *
 * @throws REGISTRY_DENIED if the file or the helper cannot be used
 */
export async function dockerCredentials(
  registry: string,
  environment: Readonly<Record<string, string | undefined>>,
  helperLimits: HelperLimits = defaultHelperLimits,
): Promise<Credentials | null> {
  const file = join(environment["DOCKER_CONFIG"] ?? join(homeFolder() ?? "/", ".docker"), "config.json");
  const config = await readConfig(file);
  const keys =
    registry === "docker.io"
      ? ["https://index.docker.io/v1/", "docker.io"]
      : [registry, `https://${registry}`];
  for (const key of keys) {
    const entry = ownEntry(config.auths ?? {}, key);
    const helper =
      ownEntry(config.credHelpers ?? {}, key) || (entry?.auth ? undefined : config.credsStore) || undefined;
    const found =
      helper === undefined
        ? fromEntry(entry, `${file}: auths.${key}`)
        : await askHelper(helper, key, { file, environment, limits: helperLimits });
    if (found !== null) return found;
  }
  return null;
}

async function readConfig(file: string): Promise<DockerConfig> {
  const text = await readTextFile(file, maxConfigBytes).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return "{}";
    throw denied(`${file}: ${unreadable(cause)}`, cause);
  });
  // The error has no cause, because a cause would quote the file.
  return parseChecked(text, dockerConfig, (reason) => denied(`${file} ${reason}`));
}

const denied = (message: string, cause?: unknown): ProcessorError =>
  builderError("REGISTRY_DENIED", message, { cause });

function fromEntry(entry: AuthEntry | undefined, place: string): Credentials | null {
  if (entry === undefined) return null;
  if (entry.identitytoken) return { kind: "identity-token", token: entry.identitytoken };
  if (entry.username !== undefined && entry.password !== undefined)
    return { kind: "password", user: entry.username, password: entry.password };
  if (!entry.auth) return null;
  // Docker removes zero bytes at the end.
  const decoded = trimmedEnd(Buffer.from(entry.auth, "base64").toString("utf8"), "\0");
  const colon = decoded.indexOf(":");
  if (colon < 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(entry.auth))
    throw denied(`${place}.auth is not user:password in base64`);
  return { kind: "password", user: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}

interface HelperCall {
  /** Path of Docker's config.json, which names the helper. */
  readonly file: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly limits: HelperLimits;
}

/**
 * Runs a helper by the protocol of Docker's credential helpers: the server's name on stdin, JSON on stdout.
 */
async function askHelper(helper: string, server: string, call: HelperCall): Promise<Credentials | null> {
  if (!/^[\w.-]+$/.test(helper))
    throw denied(`${call.file} names a credential helper that is not the end of a program's name`);
  const program = `docker-credential-${helper}`;
  const out = await helperAnswer(program, server, call);
  if (out === null) return null;
  const { Username, Secret } = parseChecked(
    out,
    helperAnswerShape,
    (reason) => denied(`the answer of ${program} ${reason}`), // no cause: it quotes the secret
  );
  return Username === "<token>"
    ? { kind: "identity-token", token: Secret }
    : { kind: "password", user: Username, password: Secret };
}

const maxAnswerBytes = 1 << 20;

/**
 * Returns null if the helper does not know the server. The error has no cause, because a cause would quote a
 * secret.
 */
function helperAnswer(
  program: string,
  server: string,
  { file, environment, limits }: HelperCall,
): Promise<string | null> {
  const named = `the credential helper ${program}, which ${file} names,`;
  return new Promise((resolve, reject) => {
    const options = {
      env: environment as NodeJS.ProcessEnv,
      timeout: limits.seconds * 1000,
      killSignal: "SIGKILL",
      maxBuffer: maxAnswerBytes,
    } as const;
    const child = execFile(program, ["get"], options, (error, out) => {
      if (error === null) resolve(out);
      else if (typeof error.code === "string" && error.code === "ERR_CHILD_PROCESS_STDIO_MAXBUFFER")
        reject(denied(`${named} answers with more than ${maxAnswerBytes} bytes`));
      else if (typeof error.code === "string") reject(denied(`${named} can't be run (${error.code})`));
      else if (error.killed === true) reject(denied(`${named} gave no answer within ${limits.seconds} s`));
      else if (/credentials not found/i.test(out)) resolve(null);
      else reject(denied(`${named} failed: ${reasonIn(out) ?? `exit code ${error.code ?? error.signal}`}`));
    });
    child.stdin?.on("error", () => {}); // a helper need not read its input
    child.stdin?.end(server);
  });
}

/** Returns the reason that a failed helper prints by the protocol. Any other output may be a secret. */
function reasonIn(out: string): string | null {
  const line = out.trim().split("\n", 1)[0]!;
  return line === "" || line.length > 300 || /[{}]|secret|password/i.test(line) ? null : line;
}
