import { join } from "node:path";
import { type LayerFile, sortedEntries } from "./image-plan.js";
import { compiledFolder, importedFrom, packageFiles, relativeTo, withDependencies } from "./package-files.js";

/** What an image starts to serve its model, and what computes the jobs. */
const entries = [
  "processor/runtime/service/start/serve-in-image.js",
  "processor/runtime/service/engine/worker-main.js",
];

/** Returns the packages that the service needs. Its own code is in the processor's layer. */
export async function servicePackages(): Promise<readonly string[]> {
  const { packages } = await importedFrom(
    entries.map((entry) => join(compiledFolder, entry)),
    (file) => /^processor\/(?:runtime\/service|files)\//.test(relativeTo(compiledFolder, file)),
  );
  return withDependencies(packages);
}

/** Lists the files of the service's packages. */
export const listServiceFiles = async (): Promise<readonly LayerFile[]> =>
  sortedEntries(await packageFiles(await servicePackages())) as LayerFile[];
