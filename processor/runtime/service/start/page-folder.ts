import { existsSync } from "node:fs";
import { join } from "node:path";
import { serviceError } from "../errors.js";

/** The page that comes with this program, in a clone, in the package, and in an image. */
const ownPage = join(import.meta.dirname, "..", "..", "..", "..", "viewer", "page");

/**
 * Returns the folder of the web page: the wanted one, or the one that comes with the program. An image without the page has
 * none (null).
 *
 * @throws SERVICE_USAGE if the wanted folder has no page
 */
export function pageFolder(wanted: string | null): string | null {
  const folder = wanted ?? ownPage;
  if (existsSync(join(folder, "index.html"))) return folder;
  if (wanted === null) return null;
  throw serviceError("SERVICE_USAGE", `--page-dir ${wanted} has no index.html`);
}
