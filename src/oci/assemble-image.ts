import { architectureOf, type ImagePlan } from "../image/image-plan.js";
import type { BaseImage } from "./base-image.js";
import type { BlobCache } from "./blob-cache.js";
import { documentBlob } from "./document-blob.js";
import { cachedLayerBlob } from "./layer-blob.js";
import { makeLayer } from "./make-layer.js";
import type { ContainerConfig, ImageConfig, ImageManifest } from "./oci-shapes.js";
import { mediaTypes, type OciImage } from "./oci-types.js";

export interface AssembleImageOptions {
  readonly plan: ImagePlan;
  readonly base: BaseImage;
  readonly cache: BlobCache;
  /** Time of every file and of the image: `SOURCE_DATE_EPOCH`, or the plan's fixed time. */
  readonly time: Date;
  readonly signal: AbortSignal;
}

/**
 * Builds an image from a plan without an engine. The same plan, base and time give the same digest on any
 * machine and any day.
 *
 * @throws IMAGE_BUILD_FAILED, DISK_FULL; the signal's reason if aborted
 */
export async function assembleImage(options: AssembleImageOptions): Promise<OciImage> {
  const { plan, base, cache, time, signal } = options;
  const own = [];
  for (const layer of plan.layers) {
    signal.throwIfAborted();
    own.push(await makeLayer(layer, { cache, time, signal }));
  }
  const layers = [...base.layers, ...own.map((layer) => cachedLayerBlob(layer, cache))];
  const diffIds = layers.map(({ diffId }) => diffId);
  const config = documentBlob(mediaTypes.config, imageConfig(options, diffIds));
  return imageOf({ imageName: plan.imageName, architecture: architectureOf(plan.platform), config, layers });
}

/** Creates an image with a manifest for its parts. */
export function imageOf({ imageName, architecture, config, layers }: Omit<OciImage, "manifest">): OciImage {
  const manifest: ImageManifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: config.descriptor,
    // A base may have Docker's media types, but a manifest must not mix them with OCI's.
    layers: layers.map(({ descriptor: { digest, size } }) => ({
      mediaType: mediaTypes.gzipLayer,
      digest,
      size,
    })),
  };
  return { imageName, architecture, config, manifest: documentBlob(mediaTypes.manifest, manifest), layers };
}

function imageConfig({ plan, base, time }: AssembleImageOptions, diffIds: readonly string[]): ImageConfig {
  const [os = "linux", architecture = "amd64"] = plan.platform.split("/");
  const created = new Date(Math.floor(time.getTime() / 1000) * 1000).toISOString().replace(".000Z", "Z");
  const earlier = base.config?.history ?? base.layers.map(() => ({ created, created_by: "base" }));
  return {
    created,
    architecture,
    os,
    config: containerConfig(plan, base.config?.config ?? {}),
    rootfs: { type: "layers", diff_ids: diffIds },
    history: [
      ...earlier,
      ...plan.layers.map(({ name }) => ({ created, created_by: `build_processor layer ${name}` })),
    ],
  };
}

/**
 * The default of engines for an image without a PATH. Docker writes it into images that it builds from
 * scratch.
 */
const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * Overrides the base's settings with the plan's, as ENV, LABEL, USER, … do in a Dockerfile. Omits a health
 * check, because OCI's configuration has no field for it; this has the effect of NONE.
 */
function containerConfig(plan: ImagePlan, base: ContainerConfig): ContainerConfig {
  const { Cmd: _replaced, Healthcheck: _none, ...inherited } = base;
  return {
    ...inherited,
    User: plan.user,
    Env: mergedEnv(base.Env ?? [defaultPath], plan.env),
    Entrypoint: plan.entrypoint,
    ...(plan.command.length > 0 && { Cmd: plan.command }),
    WorkingDir: plan.workingDir,
    Labels: sorted({ ...base.Labels, ...plan.labels }),
  };
}

function mergedEnv(base: readonly string[], env: Readonly<Record<string, string>>): string[] {
  const nameOf = (line: string) => line.split("=", 1)[0]!;
  return [
    ...base.map((line) => (Object.hasOwn(env, nameOf(line)) ? `${nameOf(line)}=${env[nameOf(line)]}` : line)),
    ...Object.entries(env)
      .filter(([name]) => !base.some((line) => nameOf(line) === name))
      .map(([name, value]) => `${name}=${value}`),
  ];
}

const sorted = (labels: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1)));
