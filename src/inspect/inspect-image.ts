import { stat } from "node:fs/promises";
import { processorLabels } from "../../processor/contract/labels.js";
import type { ProcessorManifest } from "../../processor/contract/manifest.js";
import { layerPath, places } from "../../processor/contract/places.js";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { connectEngine } from "../docker/engine.js";
import { findImage } from "../docker/find-image.js";
import { readImageFile } from "../docker/read-image-file.js";
import { readImageArchive } from "../oci/read-image-archive.js";
import { manifestModels, manifestTask, parseManifest } from "./inspect-converted.js";
import type { ImageInspection } from "./inspection.js";
import { asProblem } from "./problem.js";

const maxManifestBytes = 4 << 20;

/** Describes an image in Docker without running it; null if Docker has none of this name. */
export async function inspectEngineImage(
  imageName: string,
  environment: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Promise<ImageInspection | null> {
  const engine = await connectEngine(environment, signal);
  const image = await findImage(engine, imageName);
  if (image === null) return null;
  const file = await readImageFile(engine, {
    imageName,
    path: places.image.manifest,
    maxBytes: maxManifestBytes,
  });
  return describe(imageName, {
    ...image,
    manifestText: file?.toString("utf8") ?? null,
  });
}

/** Describes a file that `docker save` or `--export` wrote. */
export async function inspectImageArchive(source: string, archive: string): Promise<ImageInspection> {
  const { size } = await stat(archive);
  const { imageName, imageId, config, file } = await readImageArchive(
    archive,
    layerPath(places.image.manifest),
  );
  return describe(source, {
    imageName,
    imageId,
    sizeBytes: size,
    labels: config.config?.Labels ?? {},
    platform: `${config.os}/${config.architecture}`,
    created: config.created ?? null,
    manifestText: file?.toString("utf8") ?? null,
  });
}

interface ImageFacts {
  readonly imageName: string | null;
  readonly imageId: string;
  readonly sizeBytes: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly platform: string;
  readonly created: string | null;
  readonly manifestText: string | null;
}

function describe(source: string, facts: ImageFacts): ImageInspection {
  const { labels, manifestText, ...image } = facts;
  const { manifest, problems } = readManifest(source, manifestText);
  return {
    inspectionVersion: 1,
    source,
    kind: "image",
    ...image,
    processorVersion: labels[processorLabels.version] ?? null,
    baseImage: labels["org.opencontainers.image.base.name"] ?? null,
    settings: manifest === null ? null : settingsOf(manifest),
    models: manifest === null ? [] : manifestModels(manifest, new Map()),
    totalsegmentator: manifest === null ? null : manifestTask(manifest),
    postProcessingSteps: manifest?.postProcessing ?? null,
    problems,
  };
}

function readManifest(source: string, text: string | null) {
  try {
    if (text === null)
      throw sharedError(
        "MANIFEST_INVALID",
        `${source} has no ${places.image.manifest}, so it does not contain a processor`,
      );
    return { manifest: parseManifest(places.image.manifest, text), problems: [] };
  } catch (error) {
    return { manifest: null, problems: [asProblem(error)] };
  }
}

const settingsOf = ({ settings }: ProcessorManifest) => ({
  device: settings.device,
  useTestTimeAugmentation: settings.useTestTimeAugmentation,
  stepSize: settings.stepSize,
  inputDir: settings.inputDir,
  outputDir: settings.outputDir,
  hasHooks: settings.hookModule !== null,
});
