/** Keys of config.json with their JSON Schemas. */
export type ConfigKeys = Readonly<Record<string, Readonly<Record<string, unknown>>>>;
