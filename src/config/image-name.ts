import type { TaskIdentity } from "../../processor/contract/manifest.js";
import { builderError } from "../ground/errors/builder-errors.js";
import { splitRegistry } from "../ground/image-name.js";

/** The default name of an image. To add a registry, `--tag` gives the whole name. */
export const defaultTag = "nnunet/processor-task{task_id}-{task_name}:{timestamp}";

/**
 * Fills a tag's `{task_id}` (without leading zeros), `{task_name}` (lower case) and `{timestamp}` (Unix seconds);
 * `{{` and `}}` become single braces.
 *
 * @throws TAG_INVALID naming the rule that the result breaks
 */
export function imageNameOf(template: string, task: TaskIdentity, now: Date): string {
  const values: ReadonlyMap<string, string> = new Map([
    ["task_id", task.id === null ? "" : `${task.id}`],
    ["task_name", task.name.toLowerCase()],
    ["timestamp", `${Math.floor(now.getTime() / 1000)}`],
  ]);
  const name = template.replace(/\{\{|\}\}|\{([^{}]*)\}/g, (match, key: string | undefined) => {
    if (match === "{{" || match === "}}") return match[0]!;
    const value = values.get(key ?? "");
    if (value === undefined) {
      throw builderError(
        "TAG_INVALID",
        `--tag ${template}: no {${key}}; there are ${[...values.keys()]
          .map((known) => `{${known}}`)
          .join(", ")}`,
      );
    }
    return value;
  });
  checkImageName(name);
  return name.includes(":", name.lastIndexOf("/") + 1) ? name : `${name}:latest`;
}

const component = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const hostName =
  /^(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*(?::\d+)?$/;
const tag = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;

function checkImageName(name: string): void {
  const refuse = (rule: string): never => {
    throw builderError("TAG_INVALID", `image name ${name}: ${rule}`);
  };
  const slash = name.lastIndexOf("/");
  const colon = name.indexOf(":", slash + 1);
  const path = colon < 0 ? name : name.slice(0, colon);
  if (colon >= 0 && !tag.test(name.slice(colon + 1))) {
    refuse(
      `the tag "${name.slice(colon + 1)}" must be 1 to 128 letters, digits, and . _ -, not beginning with . or -`,
    );
  }
  const { registry, path: repository } = splitRegistry(path);
  if (registry !== null && !hostName.test(registry)) refuse(`"${registry}" is not a host name`);
  for (const part of repository.split("/")) {
    if (/[A-Z]/.test(part)) refuse(`"${part}" has upper-case letters, which only the tag may have`);
    if (!component.test(part))
      refuse(`"${part}" must be lower-case letters and digits with single . or _, or - between them`);
  }
  if (path.length > 255) refuse("it is longer than 255 characters");
}
