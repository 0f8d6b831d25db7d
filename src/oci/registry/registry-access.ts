import type { Progress } from "../../../processor/contract/progress/progress.js";
import { defaultRetryPolicy, type RetryPolicy } from "../../download/retry.js";
import { dockerCredentials } from "./docker-credentials.js";
import type { ImageReference } from "./image-reference.js";
import { RegistryClient } from "./registry-client.js";

/** Settings for registries from the command line. Docker's own config.json is used in addition. */
export interface RegistrySettings {
  /** Sent only to this registry. */
  readonly credentials: {
    readonly registry: string;
    readonly user: string;
    readonly password: string;
  } | null;
  /** Registries (host and port) that may be contacted without TLS. */
  readonly plainHttp: readonly string[];
  /** PEM of an authority that is trusted in addition to the usual ones. */
  readonly certificateAuthority: string | null;
}

/** The settings for all registry connections of this session. */
export interface RegistryAccess {
  readonly registries: RegistrySettings;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

export interface RegistryRights {
  readonly mayWrite: boolean;
  readonly alsoReads?: readonly string[];
  readonly retry?: RetryPolicy;
}

/**
 * Creates a client for one repository, with the credentials given for its registry or those that `docker
 * login` saved.
 */
export async function registryClient(
  place: Pick<ImageReference, "registry" | "repository">,
  { registries, environment, progress, signal }: RegistryAccess,
  rights: RegistryRights,
): Promise<RegistryClient> {
  const { credentials, plainHttp, certificateAuthority } = registries;
  const given =
    credentials?.registry === place.registry
      ? ({ kind: "password", user: credentials.user, password: credentials.password } as const)
      : null;
  return new RegistryClient(place, {
    progress,
    credentials: given ?? (await dockerCredentials(place.registry, environment)),
    plainHttp,
    certificateAuthority,
    retry: defaultRetryPolicy,
    ...rights,
    signal,
  });
}
