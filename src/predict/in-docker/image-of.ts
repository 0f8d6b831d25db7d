import { processorLabels } from "../../../processor/contract/labels.js";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { connectEngine, type Engine } from "../../docker/engine.js";
import { findImage } from "../../docker/find-image.js";
import { offersGpus } from "../../docker/gpus.js";
import type { GpuChoice } from "../../docker/sandbox/sandbox.js";
import type { WorkContext } from "../../models/work-context.js";

/** An image of `build_processor` in an engine. */
export interface ProcessorImage {
  readonly engine: Engine;
  readonly reference: string;
  /** True if the image converts a model that is mounted; false if it contains its model. */
  readonly isForAnyModel: boolean;
  readonly labels: Readonly<Record<string, string>>;
}

/** @throws INPUT_NOT_FOUND if the engine does not have the image, or if another program made it; ENGINE_MISSING */
export async function processorImage(
  reference: string,
  { environment, signal }: Pick<WorkContext, "environment" | "signal">,
): Promise<ProcessorImage> {
  const engine = await connectEngine(environment, signal);
  const found = await findImage(engine, reference);
  if (found === null)
    throw sharedError("INPUT_NOT_FOUND", `${reference}: ${engine.description} has no image of that name`);
  if (found.labels[processorLabels.version] === undefined)
    throw sharedError("INPUT_NOT_FOUND", `${reference} is not an image that build_processor has made`);
  const isForAnyModel = found.labels[processorLabels.model] === "mounted";
  return { engine, reference, isForAnyModel, labels: found.labels };
}

/**
 * Chooses the GPUs of a container: those in CUDA_VISIBLE_DEVICES, or all. A container numbers them from 0.
 *
 * @returns null for none
 * @throws DEVICE_MISSING is left to the image, which says what it needs
 */
export async function gpusFor(
  device: "auto" | "cpu" | "cuda",
  { engine, labels }: ProcessorImage,
  environment: WorkContext["environment"],
): Promise<GpuChoice | null> {
  const isForGpus = (labels[processorLabels.baseVariant] ?? "cpu") !== "cpu";
  if (device === "cpu" || !isForGpus || !(await offersGpus(engine))) return null;
  const named = environment["CUDA_VISIBLE_DEVICES"]?.trim();
  if (named === undefined || named === "all") return "all";
  const gpus = named
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "" && part !== "-1");
  return gpus.length === 0 ? null : gpus;
}
