import { processorLabels } from "../../../processor/contract/labels.js";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import type { TargetKind } from "../../../processor/contract/target.js";
import { connectEngine } from "../../docker/engine.js";
import { findImage } from "../../docker/find-image.js";
import { saveImage } from "../../docker/save-image.js";
import { type Finding, warning } from "../../ground/finding.js";
import { isImageFile } from "../../oci/image-file.js";
import { platformOf, targetKindFromLabels } from "../targets.js";
import type { CheckContext } from "./archive-checks.js";
import { type ArchiveFacts, readArchiveFacts, readSavedFacts } from "./archive-facts.js";
import { asRecord, configDigest, containerConfig } from "./archive-manifest.js";

export interface PreflightReport {
  /** The path of the archive, or the name of the image. */
  readonly image: string;
  readonly target: TargetKind;
  readonly bytes: number;
  /** The digest `sha256:…` by which the platform identifies the image; null if the archive has no image. */
  readonly configDigest: string | null;
  /** True if no check failed. */
  readonly isAccepted: boolean;
  /** The results in the order of the platform's checks. */
  readonly findings: readonly Finding[];
}

export interface PreflightOptions extends CheckContext {
  /** The path of an archive, or the name of an image that the engine has. */
  readonly image: string;
  /** Null for the target that the image was built for. */
  readonly target: TargetKind | null;
  /** The environment variables with the engine's address, which is used if `image` is a name. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

/**
 * Checks an archive as a platform does after an upload, with all its checks in its order. A check whose precondition
 * failed is reported as not checked, so that nothing passes by accident. A word that is not a path names an image of
 * the engine, which is checked as `docker save` writes it.
 *
 * @throws INPUT_NOT_FOUND if it is neither an archive nor an image; ENGINE_MISSING
 */
export async function preflight(options: PreflightOptions): Promise<PreflightReport> {
  const { image } = options;
  const facts = await factsOf(options);
  const target = options.target ?? targetKindFromLabels(asRecord(containerConfig(facts)?.["Labels"]) ?? {});
  const findings = [
    ...platformOf(target).preflight.map((check) => check(facts, options)),
    checkTarget(facts, target),
  ].filter((found) => found !== null);
  return {
    image,
    target,
    bytes: facts.bytes,
    configDigest: configDigest(facts),
    isAccepted: findings.every(({ result }) => result === "pass" || result === "warning"),
    findings,
  };
}

/**
 * Warns of an image for another target. The platform does not check this, but the image would look for its input
 * elsewhere.
 */
function checkTarget(facts: ArchiveFacts, target: TargetKind): Finding | null {
  const builtFor = asRecord(containerConfig(facts)?.["Labels"])?.[processorLabels.target];
  return typeof builtFor !== "string" || builtFor === target
    ? null
    : warning(
        "target",
        `the image was built for ${builtFor}, not for ${target}`,
        `Build it with \`build_processor --target ${target}\`.`,
      );
}

async function factsOf({ image, environment, signal }: PreflightOptions): Promise<ArchiveFacts> {
  if (await isImageFile(image)) return readArchiveFacts(image, signal);
  const engine = await connectEngine(environment, signal);
  if ((await findImage(engine, image)) === null)
    throw sharedError("INPUT_NOT_FOUND", `${image} is neither a file nor an image that the engine has`);
  return readSavedFacts(image, saveImage(engine, image), signal);
}
