import { builderError } from "../../ground/errors/builder-errors.js";
import { splitRegistry } from "../../ground/image-name.js";

/** The address of an image: a registry, a repository in it, and a tag or digest. */
export interface ImageReference {
  /** Host and port, as written in the name. */
  readonly registry: string;
  readonly repository: string;
  /** A tag, or `sha256:…`. */
  readonly reference: string;
}

/** The registry for names without a registry. */
const defaultRegistry = "docker.io";

/**
 * Parses a name by Docker's rules: a single word on Docker's own registry is in `library/`.
 *
 * @throws TAG_INVALID
 */
export function parseImageReference(imageName: string): ImageReference {
  const { registry: named, path } = splitRegistry(imageName.replace(/^docker:\/\//, ""));
  const registry = named ?? defaultRegistry;
  const parts = /^([a-z0-9][a-z0-9._/-]*)(?::([\w][\w.-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$/.exec(path);
  if (parts === null) throw builderError("TAG_INVALID", `image name ${imageName}`);
  const [, repository = "", tag = "latest", digest] = parts;
  return {
    registry,
    repository:
      registry === defaultRegistry && !repository.includes("/") ? `library/${repository}` : repository,
    reference: digest ?? tag,
  };
}

export interface RegistryAddressOptions {
  /** Registries (host and port) that the user allows without TLS. */
  readonly plainHttp?: readonly string[];
  /** If set, this machine's own registries use TLS too. */
  readonly certificateAuthority?: string | null;
}

/**
 * Returns the address of a registry's API, with https. Uses http only for registries on this machine or
 * allowed by the user.
 */
export function registryAddress(registry: string, options: RegistryAddressOptions = {}): URL {
  const { plainHttp = [], certificateAuthority = null } = options;
  const host = registry === defaultRegistry ? "registry-1.docker.io" : registry;
  const { hostname } = new URL(`http://${host}`);
  const isLoopback =
    hostname === "localhost" || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
  return new URL(
    `${(isLoopback && certificateAuthority === null) || plainHttp.includes(registry) ? "http" : "https"}://${host}/v2/`,
  );
}
