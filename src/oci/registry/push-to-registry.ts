import type { OciImage } from "../oci-types.js";
import { type ImageReference, parseImageReference } from "./image-reference.js";
import { type PushedImage, pushImage } from "./push-image.js";
import { type RegistryAccess, registryClient } from "./registry-access.js";
import type { RegistryClient } from "./registry-client.js";

export interface RegistryPush {
  readonly pushed: PushedImage;
  /** Client for the repository that the image was pushed to. */
  readonly client: RegistryClient;
}

/**
 * Checks, before an image is built, that the registry in its name answers and accepts the account.
 *
 * @throws REGISTRY_DENIED, REGISTRY_FAILED
 */
export async function checkRegistry(imageName: string, access: RegistryAccess): Promise<void> {
  const client = await registryClient(parseImageReference(imageName), access, { mayWrite: true });
  await client.check();
}

/**
 * Pushes an image to the registry in its name.
 *
 * @param baseReference repository of the base's layers; in the same registry they are mounted and not sent
 * @throws REGISTRY_DENIED, REGISTRY_FAILED
 */
export async function pushToRegistry(
  image: OciImage,
  baseReference: Pick<ImageReference, "registry" | "repository"> | null,
  access: RegistryAccess,
): Promise<RegistryPush> {
  const { reference: tag, ...place } = parseImageReference(image.imageName);
  const mountFrom = baseReference?.registry === place.registry ? [baseReference.repository] : [];
  const client = await registryClient(place, access, { mayWrite: true, alsoReads: mountFrom });
  const pushed = await pushImage({ client, image, tag, mountFrom, progress: access.progress });
  return { pushed, client };
}
