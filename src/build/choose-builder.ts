import { ProcessorError } from "../../processor/contract/errors.js";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { connectEngine, type Engine } from "../docker/engine.js";
import { isWithoutEngine } from "../docker/engine-error.js";
import type { ImagePlatform } from "../image/image-plan.js";
import type { WorkContext } from "../models/work-context.js";
import { build } from "./build.js";
import type { BuildReport } from "./build-report.js";
import type { BuildContext, BuildRequest } from "./build-request.js";
import { ContextBuilder } from "./context-builder.js";
import { withDockerBuilder } from "./docker-builder.js";
import { withEmbeddedBuilder } from "./embedded-builder.js";
import type { BuilderName, FoundBase, ImageBuilder } from "./image-builder.js";

export interface BuilderWish {
  readonly builder: BuilderName | "auto";
  readonly platform: ImagePlatform;
  /** True if the image also goes into an archive or a registry. */
  readonly isKeptElsewhere: boolean;
  /** Null for the recipe's base image. */
  readonly baseImage: string | null;
  /** True to keep the build context for `docker build`. */
  readonly isContextKept: boolean;
}

export interface BuilderChoice {
  readonly builder: BuilderName;
  /** The engine that builds the image, or that loads the one assembled here; null for none, or for the default engine. */
  readonly engine: Engine | null;
}

/**
 * Chooses the builder. The default is this program, because its images can be rebuilt bit for bit; it loads the result
 * into a Docker engine if one answers. Docker builds if the user asks for it, or names a base image, which may exist
 * only in the engine. Writing only the context needs no engine.
 *
 * @throws ENGINE_MISSING, ENGINE_FORBIDDEN if only an engine could keep the image
 */
export async function chooseBuilder(
  { builder, platform, isKeptElsewhere, baseImage, isContextKept }: BuilderWish,
  { environment, progress, signal }: Pick<WorkContext, "environment" | "progress" | "signal">,
): Promise<BuilderChoice> {
  if (builder === "context") return { builder, engine: null };
  if (platform !== "linux/amd64") {
    if (builder === "embedded" || isKeptElsewhere) return { builder: "embedded", engine: null };
    throw sharedError(
      "USAGE",
      `--platform ${platform} needs --export or --push, because the image is not loaded into Docker`,
    );
  }
  if (builder !== "auto") return { builder, engine: null };
  try {
    const engine = await connectEngine(environment, signal);
    const isBaseOfEngine = baseImage !== null && !/^(oci|docker-archive):/.test(baseImage);
    return { builder: isBaseOfEngine || isContextKept ? "docker" : "embedded", engine };
  } catch (error) {
    if (!isWithoutEngine(error) || !isKeptElsewhere) throw error;
    progress.note(`Building the image without Docker (${error.message})`);
    return { builder: "embedded", engine: null };
  }
}

/** Opens a builder for the duration of the work. */
type OpenBuilder = <T>(
  context: BuildContext,
  engine: Engine | null,
  use: <Base extends FoundBase>(builder: ImageBuilder<Base>) => Promise<T>,
) => Promise<T>;

const builders: Readonly<Record<BuilderName, OpenBuilder>> = {
  docker: withDockerBuilder,
  embedded: withEmbeddedBuilder,
  context: (_context, _engine, use) => use(new ContextBuilder()),
};

/** Builds with the chosen builder. */
export async function buildWith(
  { builder, engine }: BuilderChoice,
  request: BuildRequest,
): Promise<BuildReport> {
  const buildBy = (name: BuilderName) =>
    builders[name](request.context, engine, (opened) => build(request, opened));
  try {
    return await buildBy(builder);
  } catch (error) {
    // Docker may have a base, or Debian's image, that this program cannot get.
    const isBaseMissing = error instanceof ProcessorError && error.code === "TOOL_MISSING";
    if (builder !== "embedded" || engine === null || !isBaseMissing) throw error;
    request.context.progress.note(
      `Building with Docker instead, so that the image cannot be rebuilt bit for bit: ${error.message}`,
    );
    return await buildBy("docker");
  }
}
