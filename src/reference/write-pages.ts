/** Writes docs/reference from the schema, the command line and the error catalogue (`npm run docs`). */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { packageRoot } from "../ground/files/package-root.js";
import { referencePages } from "./pages.js";

for (const [name, text] of await referencePages()) {
  await writeFile(join(packageRoot, "docs", "reference", name), text);
}
