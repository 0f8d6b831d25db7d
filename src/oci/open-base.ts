import { stat } from "node:fs/promises";
import { regularFileBytes } from "../../processor/files/read-text-file.js";
import { builderError } from "../ground/errors/builder-errors.js";
import type { ImageBase, ImagePlatform } from "../image/image-plan.js";
import type { BaseImage, OpenBaseOptions } from "./base-image.js";
import { compressor } from "./deflate-piece.js";
import { cachedLayerBlob } from "./layer-blob.js";
import { frameTar } from "./make-layer.js";
import { openDockerArchive } from "./open-docker-archive.js";
import { asBase, openOciLayout } from "./open-oci-layout.js";

export interface OpenPlanBaseOptions extends OpenBaseOptions {
  readonly platform?: ImagePlatform;
  /** Fetches an image by its name from a registry. */
  readonly pull: (imageName: string) => Promise<BaseImage>;
}

/**
 * Opens the base of a plan: `oci:<folder>`, `docker-archive:<file>`, the tar of a root file system, or an
 * image's name in a registry.
 *
 * @throws IMAGE_FILE_INVALID, BASE_IMAGE_MISSING and the errors of `pull`
 */
export async function openBase(base: ImageBase, options: OpenPlanBaseOptions): Promise<BaseImage> {
  if (base.kind === "root-file-system") return await rootFileSystem(base.archive, options);
  const [, kind, path] = /^(oci|docker-archive):(.*)$/.exec(base.imageName) ?? [];
  if (kind === "oci")
    return await asBase(await openOciLayout(path!, options.platform && { platform: options.platform }));
  if (kind === "docker-archive") return await openDockerArchive(path!, options);
  return await options.pull(base.imageName);
}

async function rootFileSystem(archive: string, { cache, signal }: OpenBaseOptions): Promise<BaseImage> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await stat(archive, { bigint: true }).catch(
    (cause: unknown) => {
      throw builderError("BASE_IMAGE_MISSING", `the root file system ${archive} can't be read`, {
        cause,
      });
    },
  );
  const key = `root file system 3 ${[compressor, archive, dev, ino, size, mtimeNs, ctimeNs].join(" ")}`;
  const layer = await cache.layer(key, () => frameTar(regularFileBytes(archive), cache, signal));
  return { manifestDigest: null, config: null, layers: [cachedLayerBlob(layer, cache)] };
}
