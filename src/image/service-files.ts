import { join } from "node:path";
import { type LayerFile, sortedEntries } from "./image-plan.js";
import { compiledFolder, importedFrom, packageFiles, relativeTo, withDependencies } from "./package-files.js";

/** What an image starts to serve its model, and what computes the jobs. */
const entries = [
  "processor/runtime/service/start/serve-in-image.js",
  "processor/runtime/service/engine/worker-main.js",
  // The client of a queue in Redis.
  "processor/runtime/queue/with-queue.js",
  "processor/runtime/queue/worker-in-image.js",
];

/** What answers grand-challenge's `invoke`, with the application of the service. */
const invokeEntries = ["processor/runtime/entries/grand-challenge/serve.js"];

/** Returns the packages that the service needs. Its own code is in the processor's layer. */
export const servicePackages = (): Promise<readonly string[]> => packagesOf(entries);

/** Lists the files of the service's packages. */
export const listServiceFiles = async (): Promise<readonly LayerFile[]> =>
  sortedEntries(await packageFiles(await servicePackages())) as LayerFile[];

/** Lists the files that an image for grand-challenge without the service still needs, because any may get `invoke`. */
export const listInvokeFiles = async (): Promise<readonly LayerFile[]> =>
  sortedEntries(await packageFiles(await packagesOf(invokeEntries))) as LayerFile[];

async function packagesOf(paths: readonly string[]): Promise<readonly string[]> {
  const { packages } = await importedFrom(
    paths.map((path) => join(compiledFolder, path)),
    (file) => counted.test(relativeTo(compiledFolder, file)),
  );
  return withDependencies(packages);
}

const counted = /^processor\/(?:runtime\/(?:service|queue|entries\/grand-challenge)|files)\//;
