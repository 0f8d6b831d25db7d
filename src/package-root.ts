import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The program's own folder: `package.json`, `config.schema.json`, `templates/` and the compiled `dist/`. */
export const packageRoot = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
