import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { ProcessorError } from "../../../processor/contract/errors.js";
import { orAbsent, record, recordOf, text as string } from "../../../processor/contract/json-check.js";
import { builderError } from "../../errors/builder-errors.js";
import { homeFolder } from "../../files/home-folder.js";
import { parseChecked, shapeOf } from "../../untrusted/checked-json.js";

/** What a registry is shown: a name with its password, or a token that was handed out before. */
export type Credentials =
  | { readonly kind: "password"; readonly user: string; readonly password: string }
  | { readonly kind: "identity-token"; readonly token: string };

interface DockerConfig {
  readonly auths?: Readonly<Record<string, AuthEntry>>;
  readonly credsStore?: string;
  readonly credHelpers?: Readonly<Record<string, string>>;
}

interface AuthEntry {
  readonly auth?: string;
  readonly username?: string;
  readonly password?: string;
  readonly identitytoken?: string;
}

const configShape = shapeOf<DockerConfig>(
  record({
    auths: orAbsent(
      recordOf(
        record({
          auth: orAbsent(string),
          username: orAbsent(string),
          password: orAbsent(string),
          identitytoken: orAbsent(string),
        }),
      ),
    ),
    credsStore: orAbsent(string),
    credHelpers: orAbsent(recordOf(string)),
  }),
);

/** What a credential helper answers, in the words of its protocol. */
interface HelperAnswer {
  readonly Username: string;
  readonly Secret: string;
}

const helperShape = shapeOf<HelperAnswer>(record({ Username: string, Secret: string }));

/**
 * What `docker login` left for a registry: in Docker's config.json (`DOCKER_CONFIG`, by default `~/.docker`), or in
 * the credential helper that it names. Null when there is nothing: many registries let anyone read.
 *
 * @throws REGISTRY_DENIED when the file or the helper can't be used
 */
export async function dockerCredentials(
  registry: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Credentials | null> {
  const file = join(environment["DOCKER_CONFIG"] ?? join(homeFolder() ?? "/", ".docker"), "config.json");
  const config = await readConfig(file);
  const keys =
    registry === "docker.io"
      ? ["https://index.docker.io/v1/", "docker.io"]
      : [registry, `https://${registry}`];
  for (const key of keys) {
    const helper = config.credHelpers?.[key] ?? (config.auths?.[key]?.auth ? undefined : config.credsStore);
    const found =
      helper === undefined ? fromEntry(config.auths?.[key], file) : await askHelper(helper, key, environment);
    if (found !== null) return found;
  }
  return null;
}

async function readConfig(file: string): Promise<DockerConfig> {
  try {
    return parseChecked(
      await readFile(file, "utf8"),
      configShape,
      (reason) => builderError("REGISTRY_DENIED", `${file} ${reason}`), // no cause: it quotes the file
    );
  } catch (cause) {
    if (cause instanceof ProcessorError) throw cause;
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return {};
    throw builderError("REGISTRY_DENIED", `${file} can't be read`, { cause });
  }
}

function fromEntry(entry: AuthEntry | undefined, file: string): Credentials | null {
  if (entry === undefined) return null;
  if (entry.identitytoken) return { kind: "identity-token", token: entry.identitytoken };
  if (entry.username !== undefined && entry.password !== undefined)
    return { kind: "password", user: entry.username, password: entry.password };
  if (!entry.auth) return null;
  // Docker cuts off zero bytes at the end; a regular expression would try again from each of them.
  const decoded = withoutZerosAtEnd(Buffer.from(entry.auth, "base64").toString("utf8"));
  const colon = decoded.indexOf(":");
  if (colon < 0) throw builderError("REGISTRY_DENIED", `${file}: an auth is not user:password in base64`);
  return { kind: "password", user: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}

function withoutZerosAtEnd(text: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === "\0") end--;
  return text.slice(0, end);
}

/** The protocol of Docker's credential helpers: the server's name in, JSON out. */
async function askHelper(
  helper: string,
  server: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Credentials | null> {
  const program = `docker-credential-${helper}`;
  const child = spawn(program, ["get"], {
    env: environment as NodeJS.ProcessEnv,
    stdio: ["pipe", "pipe", "ignore"],
  });
  child.stdin.on("error", () => {}); // a helper need not read; its exit code tells
  child.stdin.end(server);
  const closed = once(child, "close").catch((cause: unknown) => {
    throw builderError("REGISTRY_DENIED", `the credential helper ${program} can't be run`, { cause });
  });
  const [out, [exitCode]] = (await Promise.all([text(child.stdout), closed])) as [string, [number | null]];
  if (exitCode !== 0) {
    if (/credentials not found/i.test(out)) return null;
    throw builderError("REGISTRY_DENIED", `${program}: ${out.trim() || `exit code ${exitCode}`}`);
  }
  const { Username, Secret } = parseChecked(
    out,
    helperShape,
    (reason) => builderError("REGISTRY_DENIED", `the answer of ${program} ${reason}`), // no cause: it quotes the secret
  );
  return Username === "<token>"
    ? { kind: "identity-token", token: Secret }
    : { kind: "password", user: Username, password: Secret };
}
