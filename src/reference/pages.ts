import { readConfigSchema } from "../config/load-config.js";
import { cliPage } from "./cli-page.js";
import { configPage } from "./config-page.js";
import { errorsPage } from "./errors-page.js";
import { gpuPage } from "./gpu-page.js";

/** Returns the generated pages by their path in docs/reference. */
export async function referencePages(): Promise<ReadonlyMap<string, string>> {
  return new Map([
    ["config.md", configPage(await readConfigSchema())],
    ["cli.md", await cliPage()],
    ["errors.md", errorsPage()],
    ["gpu.md", await gpuPage()],
  ]);
}
