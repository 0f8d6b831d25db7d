import { schemaOf } from "../../processor/contract/json-check.js";
import { processorManifest } from "../../processor/contract/manifest.js";
import { targetFile } from "../../processor/contract/target.js";
import { configSchema } from "../config/schema/config-schema.js";
import { cliPage } from "./cli-page.js";
import { configPage } from "./config-page.js";
import { errorsPage } from "./errors-page.js";
import { gpuPage } from "./gpu-page.js";
import { nnunetCommandsPage } from "./nnunet-commands-page.js";
import { servicePage } from "./service-page.js";
import { settingsPage } from "./settings-page.js";

/** Returns the generated pages and schemas by their path from docs/reference. */
export async function referencePages(): Promise<ReadonlyMap<string, string>> {
  return new Map([
    ["config.md", configPage(configSchema)],
    ["../../config.schema.json", asText(configSchema)],
    ["settings.md", settingsPage()],
    ["cli.md", await cliPage()],
    ["nnunet-commands.md", nnunetCommandsPage()],
    ["errors.md", errorsPage()],
    ["service.md", await servicePage()],
    ["gpu.md", await gpuPage()],
    ["manifest.schema.json", asText(schemaOf(processorManifest, "manifest.json of a converted model"))],
    ["target.schema.json", asText(schemaOf(targetFile, "target.json of an image"))],
  ]);
}

const asText = (json: unknown): string => `${JSON.stringify(json, null, 2)}\n`;
