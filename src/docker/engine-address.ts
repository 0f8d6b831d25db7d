import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { DockerOptions } from "dockerode";
import { type JsonCheck, orAbsent, record, text } from "../../processor/contract/json-check.js";
import { parseChecked } from "../../processor/contract/parse-checked.js";
import { readTextFileSync, unreadable } from "../../processor/files/read-text-file.js";
import { builderError } from "../ground/errors/builder-errors.js";

export interface EngineAddress {
  /** Address for messages, such as `unix:///var/run/docker.sock`. */
  readonly url: string;
  readonly options: DockerOptions;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Finds the engine's address by the rules of Docker's own client: `DOCKER_HOST`, otherwise the context named
 * by `DOCKER_CONTEXT` or chosen with `docker context use`, otherwise the default socket of this platform.
 *
 * @throws ENGINE_MISSING if the address or the context is invalid
 */
export function engineAddress(environment: Environment): EngineAddress {
  const host = environment["DOCKER_HOST"];
  if (host !== undefined && host !== "") return addressOfHost(host, environment["DOCKER_CERT_PATH"]);
  const configFolder = environment["DOCKER_CONFIG"] ?? join(homedir(), ".docker");
  const context = environment["DOCKER_CONTEXT"] ?? currentContext(configFolder);
  if (context !== undefined && context !== "" && context !== "default")
    return addressOfContext(configFolder, context);
  return addressOfHost(defaultSocket(environment), undefined);
}

function currentContext(configFolder: string): string | undefined {
  const file = join(configFolder, "config.json");
  if (!existsSync(file)) return undefined;
  return readDocument(file, configShape).currentContext;
}

const configShape = record({ currentContext: orAbsent(text) });

/** The engine's entry is missing if the user created the context for something else. */
const contextShape = record({
  Endpoints: orAbsent(record({ docker: orAbsent(record({ Host: orAbsent(text) })) })),
});

/** The folder of a context is named by a digest, as in Docker's client. */
function addressOfContext(configFolder: string, context: string): EngineAddress {
  const digest = createHash("sha256").update(context).digest("hex");
  const file = join(configFolder, "contexts", "meta", digest, "meta.json");
  if (!existsSync(file))
    throw builderError("ENGINE_MISSING", `Docker's context ${context} is not in ${configFolder}`);
  const { Endpoints } = readDocument(file, contextShape);
  const host = Endpoints?.docker?.Host;
  if (host === undefined)
    throw builderError("ENGINE_MISSING", `Docker's context ${context} names no engine (${file})`);
  const certificates = join(configFolder, "contexts", "tls", digest, "docker");
  return addressOfHost(host, existsSync(certificates) ? certificates : undefined);
}

/** Far larger than Docker's settings and certificates. */
const maxBytes = 1 << 24;

function readDocument<T>(file: string, shape: JsonCheck<T>): T {
  // The error has no cause, because a cause would quote the passwords in the file.
  return parseChecked(textOf(file), shape, (reason) => builderError("ENGINE_MISSING", `${file} ${reason}`));
}

function textOf(file: string): string {
  try {
    return readTextFileSync(file, maxBytes);
  } catch (cause) {
    throw builderError("ENGINE_MISSING", `${file}: ${unreadable(cause)}`, { cause });
  }
}

function addressOfHost(host: string, certificates: string | undefined): EngineAddress {
  const url = host.includes("://") ? host : `tcp://${host}`;
  const path = /^(?:unix|npipe):\/\/(.+)$/.exec(url)?.[1];
  if (path !== undefined) return { url, options: { socketPath: path } };
  if (!URL.canParse(url)) throw builderError("ENGINE_MISSING", `${host} is not the address of an engine`);
  const { protocol, hostname, port, username } = new URL(url);
  if (protocol === "ssh:")
    return { url, options: { protocol: "ssh", host: hostname, port: port || 22, username } };
  const isTls = protocol === "https:" || certificates !== undefined || port === "2376";
  return {
    url,
    options: {
      protocol: isTls ? "https" : "http",
      host: hostname,
      port: port || (isTls ? 2376 : 2375),
      ...(certificates === undefined ? {} : readCertificates(certificates)),
    },
  };
}

function readCertificates(folder: string): Pick<DockerOptions, "ca" | "cert" | "key"> {
  const read = (name: string) => textOf(join(folder, name));
  return { ca: read("ca.pem"), cert: read("cert.pem"), key: read("key.pem") };
}

/** Returns the system's socket, or that of a rootless engine or of Docker Desktop. */
function defaultSocket(environment: Environment): string {
  if (process.platform === "win32") return "npipe:////./pipe/docker_engine";
  const system = "/var/run/docker.sock";
  const own = [
    ...(environment["XDG_RUNTIME_DIR"] === undefined
      ? []
      : [join(environment["XDG_RUNTIME_DIR"], "docker.sock")]),
    join(homedir(), ".docker", "run", "docker.sock"),
  ];
  return `unix://${existsSync(system) ? system : (own.find((path) => existsSync(path)) ?? system)}`;
}
