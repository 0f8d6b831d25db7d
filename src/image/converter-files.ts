import { join } from "node:path";
import { layerPath, places } from "../../processor/contract/places.js";
import { type LayerFile, layerFile, sortedEntries } from "./image-plan.js";
import { compiledFolder, importedFrom, packageFiles, relativeTo, withDependencies } from "./package-files.js";

/**
 * Lists the part of `build_processor` that an image for any model needs: the compiled files that its entry imports, also
 * indirectly, and the packages that they import. The processor's own files are not listed, because every image has them,
 * nor are the packages of the base image.
 *
 * @param others the packages of other layers
 */
export async function listConverterFiles(others: readonly string[]): Promise<readonly LayerFile[]> {
  const entry = join(compiledFolder, relativeTo(places.image.root, places.anyModel.entry));
  const { files, packages } = await importedFrom([entry], isCounted);
  const own = files
    .filter((file) => isIn(file, "src/"))
    .map((file) =>
      layerFile(`${layerPath(places.image.root)}/${relativeTo(compiledFolder, file)}`, { file }),
    );
  const needed = (await withDependencies(packages)).filter((name) => !others.includes(name));
  return sortedEntries([...own, ...(await packageFiles(needed))]) as LayerFile[];
}

const isIn = (file: string, folder: string): boolean => relativeTo(compiledFolder, file).startsWith(folder);

/** Archives are read by code that the service has, too. */
const isCounted = (file: string): boolean => isIn(file, "src/") || isIn(file, "processor/files/");
