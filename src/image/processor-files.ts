import { readdir } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { packageRoot, programVersion } from "../files/package-root.js";
import { type LayerFile, layerFile, sortedEntries } from "./image-plan.js";

/** Where the processor lies in an image. */
export const processorDirectory = "/opt/nnunet-processor";

/** Where the converted model lies in an image: `manifest.json`, ONNX files and weights. */
export const modelDirectory = `${processorDirectory}/model`;

const inImage = processorDirectory.slice(1);

/** What starts in an image. */
export const processorEntrypoint = [
  "/usr/local/bin/node",
  `${processorDirectory}/processor/runtime/main.js`,
] as const;

/**
 * The compiled processor as it lies in an image, without type declarations and source maps; `package.json` tells
 * its version and that the files are ES modules.
 *
 * @param folder the compiled processor, by default this installation's own
 */
export async function listProcessorFiles(
  folder = join(packageRoot, "dist", "processor"),
): Promise<readonly LayerFile[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = found
    .filter((entry) => entry.isFile() && /\.(js|json|wasm|onnx)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((file) =>
      layerFile(`${inImage}/processor/${relative(folder, file).split(sep).join("/")}`, { file }),
    );
  const identity = {
    name: "nnunet-processor",
    version: await programVersion(),
    type: "module",
    private: true,
  };
  const packageJson = layerFile(`${inImage}/package.json`, {
    text: `${JSON.stringify(identity, null, 2)}\n`,
  });
  return sortedEntries([...files, packageJson]) as LayerFile[];
}
