import { architectureOf, type ImagePlan } from "../image/image-plan.js";
import type { BaseImage } from "./base-image.js";
import type { BlobCache } from "./blob-cache.js";
import { documentBlob } from "./document-blob.js";
import { cachedLayerBlob } from "./layer-blob.js";
import { makeLayer } from "./make-layer.js";
import {
  type ContainerConfig,
  type ImageConfig,
  type ImageManifest,
  mediaTypes,
  type OciImage,
} from "./oci-types.js";

export interface AssembleImageOptions {
  readonly plan: ImagePlan;
  readonly base: BaseImage;
  readonly cache: BlobCache;
  /** Of every file, and of the image itself: `SOURCE_DATE_EPOCH`, or the plan's fixed time. */
  readonly time: Date;
  readonly signal?: AbortSignal;
}

/**
 * An image made of a plan, without an engine: same plan, base and time, same digest, on any machine and day.
 *
 * @throws IMAGE_BUILD_FAILED, DISK_FULL; the signal's reason when aborted
 */
export async function assembleImage(options: AssembleImageOptions): Promise<OciImage> {
  const { plan, base, cache, time, signal } = options;
  const own = [];
  for (const layer of plan.layers) {
    signal?.throwIfAborted();
    own.push(await makeLayer(layer, { cache, time, ...(signal && { signal }) }));
  }
  const layers = [...base.layers, ...own.map((layer) => cachedLayerBlob(layer, cache))];
  const diffIds = layers.map(({ diffId }) => diffId);
  const config = documentBlob(mediaTypes.config, imageConfig(options, diffIds));
  return imageOf({ imageName: plan.imageName, architecture: architectureOf(plan.platform), config, layers });
}

/** An image and the manifest that names its parts. */
export function imageOf({ imageName, architecture, config, layers }: Omit<OciImage, "manifest">): OciImage {
  const manifest: ImageManifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: config.descriptor,
    // A base may come with Docker's media types; one manifest speaks one language.
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

/** What engines give a process whose image says nothing; Docker writes it down when it builds from nothing. */
const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * The base's settings with the plan's over them, as a Dockerfile's ENV, LABEL, USER, … would do. A health check is
 * left out, which is what NONE means: OCI's configuration has no place for one.
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
