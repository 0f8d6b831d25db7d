import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { convertGolden } from "../../support/model/convert.js";

/** Returns the files of a converted golden model: the manifest, and single bytes instead of weights and graphs. */
export async function convertedModel(
  version: "v1" | "v2",
  name: string,
): Promise<Readonly<Record<string, Buffer>>> {
  const parent = mkdtempSync(join(tmpdir(), "fuzz-model-"));
  try {
    const outputDir = join(parent, "model");
    await convertGolden({ name, version, outputDir });
    const files = readdirSync(outputDir, { recursive: true, encoding: "utf8" })
      .filter((path) => statSync(join(outputDir, path)).isFile())
      .map((path) => [path, path.endsWith(".json") ? readFileSync(join(outputDir, path)) : Buffer.alloc(1)]);
    return Object.fromEntries(files) as Record<string, Buffer>;
  } finally {
    rmSync(parent, { recursive: true });
  }
}
