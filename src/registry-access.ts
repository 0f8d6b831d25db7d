import type { Progress } from "../processor/progress/progress.js";
import { defaultRetryPolicy, type RetryPolicy } from "./model-source/retry.js";
import { dockerCredentials } from "./publish/registry/docker-credentials.js";
import type { ImageReference } from "./publish/registry/image-reference.js";
import { RegistryClient } from "./publish/registry/registry-client.js";

/** How this session speaks to registries. */
export interface RegistryAccess {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly progress: Progress;
  readonly signal?: AbortSignal;
}

export interface RegistryRights {
  readonly mayWrite: boolean;
  readonly alsoReads?: readonly string[];
  readonly retry?: RetryPolicy;
}

/** A client for one repository, with what `docker login` left for its registry. */
export async function registryClient(
  place: Pick<ImageReference, "registry" | "repository">,
  { environment, progress, signal }: RegistryAccess,
  rights: RegistryRights,
): Promise<RegistryClient> {
  return new RegistryClient(place, {
    progress,
    credentials: await dockerCredentials(place.registry, environment),
    retry: defaultRetryPolicy,
    ...rights,
    ...(signal && { signal }),
  });
}
