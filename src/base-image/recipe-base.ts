import { createReadStream } from "node:fs";
import { join } from "node:path";
import { ProcessorError } from "../../processor/contract/errors.js";
import { type Checked, listOf, orNull, record, text } from "../../processor/contract/json-check.js";
import type { Progress } from "../../processor/contract/progress/progress.js";
import { programVersion } from "../ground/files/package-root.js";
import { type ImageBase, type ImagePlatform, layerFileTime } from "../image/image-plan.js";
import { assembleImage } from "../oci/assemble-image.js";
import type { BaseImage } from "../oci/base-image.js";
import { type BlobCache, type CachedLayer, cachedLayer } from "../oci/blob-cache.js";
import { compressor } from "../oci/deflate-piece.js";
import { cachedLayerBlob } from "../oci/layer-blob.js";
import { frameTar } from "../oci/make-layer.js";
import { configShape } from "../oci/oci-shapes.js";
import { asBase } from "../oci/open-oci-layout.js";
import { planBaseImage } from "./base-image-plan.js";
import { cachedDebianRoot, debianRootKey } from "./debian-root.js";
import { npmPackageFiles } from "./npm-packages.js";
import type { FindIndex } from "./python-index.js";
import { type BaseImageRecipe, listFiles, readRecipe } from "./recipe.js";
import type { BasePart, BaseVariant } from "./variants.js";
import { wheelLayers } from "./wheel-layers.js";

export interface RecipeBaseOptions {
  readonly variant: BaseVariant;
  /** The compute capabilities of the GPUs that the image is for; empty for all that the variant has code for. */
  readonly gpuArchitectures: readonly string[];
  readonly leftOut: readonly BasePart[];
  readonly platform: ImagePlatform;
  readonly findIndex: FindIndex;
  readonly cache: BlobCache;
  /** Folder for the packages that npm installed. */
  readonly cacheFolder: string;
  /** The locked digest of Debian's image, which must then match; null if it is not locked. */
  readonly debianDigest: string | null;
  /** Fetches Debian's own image. If it fails, Debian's packages are used. */
  readonly pull: (imageName: string) => Promise<BaseImage & { readonly digest: string }>;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

export interface RecipeBase extends BaseImage {
  readonly imageName: string;
  /** Digest of the base's manifest, as if it were an image of its own. */
  readonly manifestDigest: string;
  /** The digest of Debian's image in its registry; null if packages were unpacked. */
  readonly debianDigest: string | null;
}

/**
 * Creates the base of the recipe without an engine: Debian from its registry or unpacked from its packages,
 * then Node and ONNX Runtime as layers. Each part is created once and then comes from the cache.
 *
 * The layers do not contain the processor's own code, because every image adds it.
 *
 * @throws TOOL_MISSING if no registry provides Debian and apt-get or dpkg-deb is missing, or if npm is
 * missing; IMAGE_BUILD_FAILED; for wheels the errors of `wheelLayers`
 */
export async function recipeBase(options: RecipeBaseOptions): Promise<RecipeBase> {
  const { cache, cacheFolder, variant, gpuArchitectures, leftOut, findIndex, progress, signal } = options;
  const recipe = await readRecipe(variant, options.platform, gpuArchitectures, leftOut);
  const task = progress.start({ label: "preparing the base image", total: 4, unit: "steps" });
  try {
    const debian = await debianBase(recipe, options);
    task.advance(1);
    const packageFiles = await npmPackageFiles(recipe, cacheFolder, signal);
    task.advance(1);
    const layersOfWheels = await wheelLayers(recipe.wheels, {
      cacheFolder,
      progress,
      wheelFolder: null,
      findIndex,
      signal,
    });
    task.advance(1);
    const plan = planBaseImage({
      recipe,
      base: baseOfPlan(recipe, debian),
      packageFiles,
      wheelLayers: layersOfWheels,
      rootFiles: await listFiles(join(recipe.folder, "root")),
      processorFiles: [],
      version: await programVersion(),
    });
    const layers = plan.layers.filter(({ entries }) => entries.length > 0);
    const image = await assembleImage({
      plan: { ...plan, layers },
      base: debian,
      cache,
      time: layerFileTime,
      signal,
    });
    task.advance(1);
    return {
      ...(await asBase(image)),
      imageName: recipe.imageName,
      manifestDigest: image.manifest.descriptor.digest,
      debianDigest: debian.digest,
    };
  } finally {
    task.done();
  }
}

/** Returns the base for the label that records what the base image was built from. */
const baseOfPlan = ({ debian: { image } }: BaseImageRecipe, { config }: BaseImage): ImageBase =>
  config === null ? { kind: "root-file-system", archive: "" } : { kind: "image", imageName: image };

const debianRecord = record({
  /** Null if packages were unpacked. */
  digest: orNull(text),
  config: orNull(configShape),
  layers: listOf(cachedLayer),
});

type DebianRecord = Checked<typeof debianRecord>;

/**
 * Returns the Debian that was used first, so that one machine builds the same image as long as it is in the
 * cache.
 */
async function debianBase(
  recipe: BaseImageRecipe,
  options: RecipeBaseOptions,
): Promise<BaseImage & { readonly digest: string | null }> {
  const { cache, debianDigest } = options;
  const key = debianKey(recipe, debianDigest);
  const known = await cache.recall(key, debianRecord);
  const isThere =
    known !== null && (await Promise.all(known.layers.map((layer) => cache.has(layer)))).every(Boolean);
  const record = isThere
    ? known
    : ((await pulledDebian(recipe, options)) ?? (await unpackedDebian(recipe, options)));
  if (!isThere) await cache.remember(key, record);
  const { digest, config } = record;
  const layers = record.layers.map((layer) => cachedLayerBlob(layer, cache));
  return { manifestDigest: null, digest, config, layers };
}

const debianKey = (recipe: BaseImageRecipe, digest: string | null): string =>
  `debian 4 ${compressor} ${debianRootKey(recipe)} ${digest ?? ""}`;

/** Returns null if no registry provides the image. */
async function pulledDebian(
  { debian: { image } }: BaseImageRecipe,
  { cache, debianDigest, pull, progress, signal }: RecipeBaseOptions,
): Promise<DebianRecord | null> {
  try {
    const wanted = debianDigest === null ? image : `${image}@${debianDigest}`;
    const { config, layers, digest } = await pull(wanted);
    const cached: CachedLayer[] = [];
    for (const { descriptor, diffId, open } of layers)
      cached.push({ ...(await cache.write(open(), signal)), size: descriptor.size, diffId });
    return { digest, config, layers: cached };
  } catch (error) {
    signal.throwIfAborted();
    const isUnreachable = error instanceof ProcessorError && unreachable.has(error.code);
    if (debianDigest !== null || !isUnreachable) throw error;
    progress.note(
      `taking Debian's packages with apt, because no registry provides ${image} (${error.message})`,
    );
    return null;
  }
}

const unreachable: ReadonlySet<string> = new Set([
  "BASE_IMAGE_MISSING",
  "REGISTRY_FAILED",
  "REGISTRY_DENIED",
]);

/** The tar of the root file system is used as a layer unchanged, so that links and modes are Debian's. */
async function unpackedDebian(
  recipe: BaseImageRecipe,
  { cache, cacheFolder, progress, signal }: RecipeBaseOptions,
): Promise<DebianRecord> {
  const archive = await cachedDebianRoot(recipe, { cacheFolder, progress, signal });
  const tar = createReadStream(archive, { highWaterMark: 1 << 20 });
  return { digest: null, config: null, layers: [await frameTar(tar, cache, signal)] };
}
