import { rm } from "node:fs/promises";
import { readRecipe } from "../base-image/recipe.js";
import { writeBuildContext } from "../docker/build-context.js";
import type { ImagePlan } from "../image/image-plan.js";
import type { BuildFolder } from "./build-folder.js";
import type { BaseRequest } from "./build-request.js";
import type { BuildParts, BuildResult, FoundBase, ImageBuilder } from "./image-builder.js";
import { convertedName } from "./plan-build.js";

/** Writes only the build context with its Dockerfile, which needs no engine. */
export class ContextBuilder implements ImageBuilder {
  readonly name = "context";
  readonly engineName = null;
  readonly keepsImage = true;
  readonly memo = null;

  async findBase({ imageName, variant, gpuArchitectures, leftOut }: BaseRequest): Promise<FoundBase> {
    const facts = {
      imageName: imageName ?? (await readRecipe(variant, undefined, gpuArchitectures, leftOut)).imageName,
      imageId: null,
    };
    return { facts, inputs: [{ name: facts.imageName }], place: null };
  }

  async build(plan: ImagePlan, { folder }: BuildParts<FoundBase>): Promise<BuildResult> {
    await keepContext(plan, folder);
    await folder.keep();
    return { image: null, contextFolder: folder.path };
  }
}

/** Turns the build folder into a context for `docker build`, without copying the weights. */
export async function keepContext(plan: ImagePlan, folder: BuildFolder): Promise<void> {
  await writeBuildContext(plan, folder.place);
  await rm(folder.place(convertedName), { recursive: true, force: true }); // absent without a model
}
