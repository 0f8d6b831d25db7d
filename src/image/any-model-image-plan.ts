import { processorLabels } from "../../processor/contract/labels.js";
import { places } from "../../processor/contract/places.js";
import { type ImagePlan, type ImagePlatform, type LayerFile, overlaidFileTime } from "./image-plan.js";
import { type BaseImageFacts, type ImageDescription, ociLabels, partLayer } from "./processor-image-plan.js";

export interface AnyModelImageParts {
  readonly platform: ImagePlatform;
  readonly description: ImageDescription;
  readonly base: BaseImageFacts;
  readonly processorFiles: readonly LayerFile[];
  /** The decoders of compressed DICOM images; empty for an image that does without them. */
  readonly codecFiles: readonly LayerFile[];
  /** The packages of the service; empty for an image that does without it. */
  readonly serviceFiles: readonly LayerFile[];
  /** The web page of the service; empty for an image without the service. */
  readonly pageFiles: readonly LayerFile[];
  readonly converterFiles: readonly LayerFile[];
}

/**
 * Plans the image for any model. Its layers above the base are the processor's code, as in every image, and the code that
 * converts a trained model.
 */
export const planAnyModelImage = (parts: AnyModelImageParts): ImagePlan => ({
  imageName: parts.description.imageName,
  base: { kind: "image", imageName: parts.base.imageName },
  platform: parts.platform,
  layers: [
    ...partLayer("dicom", parts.codecFiles),
    ...partLayer("service", parts.serviceFiles),
    ...partLayer("page", parts.pageFiles),
    { name: "processor", entries: parts.processorFiles },
    { name: "converter", entries: parts.converterFiles },
  ],
  fileTime: overlaidFileTime,
  env: { NODE_ENV: "production", ORT_DISABLE_TELEMETRY: "1" },
  labels: {
    ...ociLabels(parts.description, parts.base),
    [processorLabels.target]: "plain",
    [processorLabels.model]: "mounted",
  },
  user: "1000:1000",
  workingDir: "/",
  entrypoint: [places.image.node, places.anyModel.entry],
  command: [],
});
