import { builderError } from "../../ground/errors/builder-errors.js";
import { Field } from "../fields.js";

/**
 * Returns a configuration of plans.json with its inherited values: each configuration in the `inherits_from`
 * chain overrides its parent key by key.
 */
export function resolveConfiguration(plans: Field, name: string): Field {
  const chain: Field[] = [];
  const configurations = plans.get("configurations");
  for (let next: string | null = name; next !== null; ) {
    const configuration = configurations.get(next);
    if (configuration.isNull) {
      throw builderError(
        "MODEL_FILE_INVALID",
        `${plans.path} has no configuration ${next}; it has ${configurations.keys().join(", ")}`,
      );
    }
    if (chain.length > configurations.keys().length) {
      throw builderError("MODEL_FILE_INVALID", `${plans.path}: ${name} inherits from itself`);
    }
    chain.push(configuration);
    const parent = configuration.get("inherits_from");
    next = parent.isNull ? null : parent.string();
  }
  const merged = new Map<string, unknown>();
  for (const level of chain.toReversed()) {
    for (const [key, field] of level.entries()) merged.set(key, field.raw);
  }
  return new Field(merged, `${configurations.path}.${name}`);
}
