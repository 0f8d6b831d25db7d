import type { ConfigSchema } from "../config/schema/config-schema.js";

/** Returns docs/reference/config.md: every key of config.json, from its schema. */
export function configPage({ properties }: ConfigSchema): string {
  const sections = Object.entries(properties).map(([key, rule]) => section(key, rule));
  return `# config.json

Settings of an image for its runs. Every key is optional; \`build_processor init --model-dir …\` writes a file that
fits a model. With \`"$schema": "…/config.schema.json"\` an editor completes and checks the keys. Each setting can still
be overridden on the image's command line (\`docker run IMAGE --help\`).

${sections.join("\n")}`;
}

function section(key: string, rule: Readonly<Record<string, unknown>>): string {
  const facts = [
    `type: ${[rule["type"]].flat().join(" or ")}`,
    ...(rule["default"] === undefined ? [] : [`default: \`${JSON.stringify(rule["default"])}\``]),
    ...allowed(rule),
    ...(Array.isArray(rule["examples"]) ? [`example: \`${JSON.stringify(rule["examples"][0])}\``] : []),
  ];
  return `## \`${key}\`\n\n${markdown(String(rule["description"]))}\n\n${facts.map((fact) => `- ${fact}`).join("\n")}\n`;
}

function allowed(rule: Readonly<Record<string, unknown>>): readonly string[] {
  const items = (rule["items"] ?? {}) as Readonly<Record<string, unknown>>;
  const values = rule["enum"] ?? items["enum"];
  const lines: string[] = [];
  if (Array.isArray(values))
    lines.push(`allowed: ${values.map((value) => `\`${String(value)}\``).join(", ")}`);
  if (rule["minimum"] !== undefined && rule["maximum"] !== undefined) {
    lines.push(`range: ${String(rule["minimum"])} to ${String(rule["maximum"])}`);
  }
  if (rule["exclusiveMinimum"] !== undefined) {
    lines.push(`range: above ${String(rule["exclusiveMinimum"])}, at most ${String(rule["maximum"])}`);
  }
  return lines;
}

/** Quotes placeholders such as `<case>.npz`, which Markdown would take for HTML. */
const markdown = (text: string): string => text.replaceAll(/(?<!`)<\w+>[\w.]*/g, "`$&`");
