import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * The program's own folder, with `package.json`, `config.schema.json`, `templates/`, `base-image/` and the
 * compiled `dist/`.
 */
export const packageRoot = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..", "..");

/** Returns this program's version. */
export async function programVersion(): Promise<string> {
  const { version } = JSON.parse(await readFile(join(packageRoot, "package.json"), "utf8")) as {
    readonly version: string;
  };
  return version;
}
