import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { layerPath, places } from "../../processor/contract/places.js";
import { type LayerFile, layerFile, sortedEntries } from "./image-plan.js";
import { compiledFolder } from "./package-files.js";

/** Lists the files of the service's web page, which set-up bundles. */
export async function listPageFiles(): Promise<readonly LayerFile[]> {
  const folder = join(compiledFolder, "viewer", "page");
  if (!existsSync(join(folder, "page.js")))
    throw new Error(`${folder} has no web page; \`npm run setup\` bundles it`);
  const files = (await readdir(folder)).map((name) =>
    layerFile(`${layerPath(places.image.page)}/${name}`, { file: join(folder, name) }),
  );
  return sortedEntries(files) as LayerFile[];
}
