import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import Handlebars from "handlebars";
import { packageRoot } from "../ground/files/package-root.js";
import type { ImagePlan } from "../image/image-plan.js";

/** The Dockerfile and `.dockerignore` that build a plan from a context with one folder for each layer. */
export interface DockerTexts {
  readonly dockerfile: string;
  readonly dockerignore: string;
}

/** Renders `templates/Dockerfile.hbs` and `templates/dockerignore.hbs`. A missing value is an error. */
export function renderDockerTexts(plan: ImagePlan): DockerTexts {
  const view = {
    ...plan,
    baseImage: plan.base.kind === "image" ? plan.base.imageName : null,
    baseArchive: plan.base.kind === "root-file-system" ? basename(plan.base.archive) : null,
  };
  return { dockerfile: render("Dockerfile.hbs", view), dockerignore: render("dockerignore.hbs", view) };
}

function render(template: string, view: object): string {
  const handlebars = Handlebars.create();
  handlebars.registerHelper("quoted", quoted);
  handlebars.registerHelper("json", (value: unknown) => JSON.stringify(value));
  const text = readFileSync(join(packageRoot, "templates", template), "utf8");
  return handlebars.compile(text, { strict: true, noEscape: true })(view);
}

/** Quotes a value for a Dockerfile: without variables, escapes or line breaks. */
function quoted(value: string): string {
  const oneLine = value.replace(/[\r\n\u2028\u2029]+/g, " ").replaceAll("\0", "");
  return `"${oneLine.replace(/[\\"$]/g, "\\$&")}"`;
}
