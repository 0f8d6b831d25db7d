import { sharedError } from "../../processor/contract/shared-errors.js";
import { type AttestedImage, attestImage } from "../attest/attest-image.js";
import { modelParameters, ownInputs } from "../attest/build-inputs.js";
import { describeOciImage } from "../attest/image-contents.js";
import { allOrNothing, type StageFile } from "../ground/files/all-or-nothing.js";
import type { DigestedFile } from "../ground/files/write-digested.js";
import { withLayerCache } from "../oci/layer-cache.js";
import type { PushedImage } from "../oci/registry/push-image.js";
import { checkRegistry, pushToRegistry } from "../oci/registry/push-to-registry.js";
import { freeArchivePath } from "./archive-path.js";
import { withBuildFolder } from "./build-folder.js";
import { type BuildReport, buildReport } from "./build-report.js";
import type { BuildRequest } from "./build-request.js";
import type { BuiltImage, FoundBase, ImageBuilder } from "./image-builder.js";
import { layerCache } from "./layer-cache-options.js";
import { planBuild } from "./plan-build.js";

/**
 * Runs the whole build: model → converted folder → image plan → image → archive, registry, documents, engine. A build that
 * fails leaves no file, but an image that Docker built stays in the engine.
 *
 * @throws USAGE if the image would be kept nowhere; OUTPUT_EXISTS; what the conversion, the builder and the registry throw
 */
export const build = <Base extends FoundBase>(
  request: BuildRequest,
  builder: ImageBuilder<Base>,
): Promise<BuildReport> =>
  allOrNothing(request.outputs.existing, async (stage) => {
    const { image: wanted, base: wantedBase, outputs, context } = request;
    const { imageName, created } = wanted.description;
    const { exportFolder, isPushed, keepsBuildFiles } = outputs;
    if (!builder.keepsImage && exportFolder === null && !isPushed)
      throw sharedError("USAGE", `--builder ${builder.name} keeps no image: add --export, --push or both`);
    const isAttested = request.attestation !== null;
    const path = await freeArchivePath({ ...outputs, imageName, isAttested });
    if (isPushed) await checkRegistry(imageName, context);
    return withBuildFolder(outputs.buildDir, { isKept: keepsBuildFiles }, async (folder) => {
      const base = await builder.findBase(wantedBase, wanted.platform);
      const memo = keepsBuildFiles ? null : builder.memo;
      const { plan, modelTarball } = await planBuild(request, { base: base.facts, folder, stage, memo });
      const parts = { base, folder, created, keepsContext: keepsBuildFiles };
      const { image, contextFolder } = await builder.build(plan, parts);
      const archive =
        image === null || path === null
          ? null
          : await image.writeArchive({ path, writtenTo: stage(path, "last") });
      const { pushed, attested } =
        image === null ? unpublished : await publish(request, { image, base, archive, modelTarball, stage });
      await image?.load();
      const facts = {
        builder: builder.name,
        imageName,
        baseImage: wantedBase.imageName ?? base.facts.imageName,
        engine: builder.engineName,
        labels: plan.labels,
        archive,
        modelTarball,
        pushed,
        attested,
        buildFolder: contextFolder,
      };
      return buildReport(facts, image);
    });
  });

interface FinishedParts {
  readonly image: BuiltImage;
  readonly base: FoundBase;
  readonly archive: DigestedFile | null;
  readonly modelTarball: DigestedFile | null;
  readonly stage: StageFile;
}

interface Published {
  readonly pushed: PushedImage | null;
  readonly attested: AttestedImage | null;
}

const unpublished: Published = { pushed: null, attested: null };

/** Pushes the image and writes its documents, if either was requested. */
async function publish(request: BuildRequest, parts: FinishedParts): Promise<Published> {
  const { models, settings, hookFile, attestation, outputs, context } = request;
  const { image, base, archive, modelTarball, stage } = parts;
  const { progress, signal } = context;
  if (!outputs.isPushed && (attestation === null || archive === null)) return unpublished;
  return await withLayerCache(layerCache(context), async (cache) => {
    const sent = outputs.isPushed ? await image.asOci(cache) : null;
    const push = sent === null ? null : await pushToRegistry(sent, base.place, context);
    const pushed = push?.pushed ?? null;
    if (attestation === null) return { pushed, attested: null };
    const baseImage = base.facts.imageName;
    const attested = await attestImage({
      ...attestation,
      // Registries identify an image by its manifest.
      image: sent === null ? await image.describe(cache) : await describeOciImage(sent, cache, signal),
      builder: image.builtBy,
      parameters: { baseImage, models: modelParameters(models), config: settings },
      inputs: [...base.inputs, ...(await ownInputs({ models, hookFile, cache, progress }))],
      archive,
      modelTarball,
      pushedTo:
        sent === null || push === null ? null : { client: push.client, manifest: sent.manifest.descriptor },
      progress,
      stage,
    });
    return { pushed, attested };
  });
}
