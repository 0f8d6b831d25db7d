import { settingTable } from "../../../processor/contract/run-settings.js";
import type { Setting } from "../../../processor/contract/setting.js";
import type { ConfigKeys } from "./config-keys.js";
import { imageKeys } from "./image-keys.js";
import { modelKeys } from "./model-keys.js";
import { nvidiaKeys } from "./nvidia-keys.js";

/** A JSON Schema of config.json, with the parts that messages need. */
export interface ConfigSchema {
  readonly properties: ConfigKeys;
}

const rows: readonly Setting<unknown>[] = Object.values(settingTable);

const settingKeys: ConfigKeys = Object.fromEntries(
  rows.flatMap(({ key, configSchema, older }) => [
    [key, configSchema],
    ...(older === null ? [] : [[older.key, older.schema]]),
  ]),
);

/** The schema of config.json. `npm run docs` writes it to config.schema.json, for editors. */
export const configSchema: ConfigSchema & Readonly<Record<string, unknown>> = {
  $schema: "http://json-schema.org/draft-07/schema#",
  title: "nnunet-processor configuration",
  description: "The defaults of an image, which the image's command line can override.",
  type: "object",
  additionalProperties: false,
  properties: { ...modelKeys, ...nvidiaKeys, ...settingKeys, ...imageKeys },
};
