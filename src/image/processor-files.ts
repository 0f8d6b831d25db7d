import { readdir } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { layerPath, places } from "../../processor/contract/places.js";
import { packageRoot, programVersion } from "../ground/files/package-root.js";
import { type LayerFile, layerFile, sortedEntries } from "./image-plan.js";

/** The entrypoint of an image. */
export const processorEntrypoint = [places.image.node, places.image.entry] as const;

/**
 * Lists the files of the compiled processor for an image, without type declarations and source maps. Its `package.json`
 * holds the version and declares the files as ES modules.
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
      layerFile(`${layerPath(places.image.programs)}/${relative(folder, file).split(sep).join("/")}`, {
        file,
      }),
    );
  const identity = {
    name: "nnunet-processor",
    version: await programVersion(),
    type: "module",
    private: true,
  };
  const packageJson = layerFile(layerPath(places.image.packageJson), {
    text: `${JSON.stringify(identity, null, 2)}\n`,
  });
  return sortedEntries([...files, packageJson]) as LayerFile[];
}
