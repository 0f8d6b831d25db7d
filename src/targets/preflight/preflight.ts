import { processorLabels } from "../../../processor/contract/labels.js";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import type { TargetKind } from "../../../processor/contract/target.js";
import { connectEngine } from "../../docker/engine.js";
import { findImage } from "../../docker/find-image.js";
import { saveImage } from "../../docker/save-image.js";
import { type Finding, warning } from "../../findings/finding.js";
import { isImageFile } from "../../oci/image-file.js";
import { platformOf, targetKindFromLabels } from "../targets.js";
import type { CheckContext } from "./archive-checks.js";
import { type ArchiveFacts, readArchiveFacts, readSavedFacts } from "./archive-facts.js";
import { asRecord, configDigest, containerConfig } from "./archive-manifest.js";

export interface PreflightReport {
  /** Path or name. */
  readonly image: string;
  readonly target: TargetKind;
  readonly bytes: number;
  /** `sha256:…`, by which the platform knows an image; null when there is none. */
  readonly configDigest: string | null;
  /** True when nothing fails. */
  readonly isAccepted: boolean;
  /** In the order in which the platform looks. */
  readonly findings: readonly Finding[];
}

export interface PreflightOptions extends CheckContext {
  /** Archive, or name of an image that the engine has. */
  readonly image: string;
  /** Null for the one that the image was built for. */
  readonly target: TargetKind | null;
  /** Where the engine is, for an image's name. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal;
}

/**
 * Looks at an archive as a platform does after an upload: each of its checks in its order. A check whose precondition
 * failed is reported as not checked, so that nothing passes by accident. A word that is not a path names an image of
 * the engine, looked at as `docker save` gives it.
 *
 * @throws INPUT_NOT_FOUND when it is neither; ENGINE_MISSING
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

/** The platform does not see it, but an image for another one looks for its input in another place. */
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
