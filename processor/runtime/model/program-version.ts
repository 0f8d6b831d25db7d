import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** Reads the version from package.json, which is three folders up in an image and four folders up in a clone. */
export async function programVersion(): Promise<string> {
  for (const place of ["../../../package.json", "../../../../package.json"]) {
    const text = await readFile(join(import.meta.dirname, place), "utf8").catch(() => null);
    const parsed =
      text === null ? null : (JSON.parse(text) as { readonly name?: string; readonly version?: string });
    if (parsed?.name === "nnunet-processor" && parsed.version !== undefined) return parsed.version;
  }
  return "unknown";
}
