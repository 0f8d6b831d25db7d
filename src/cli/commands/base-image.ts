import { resolve } from "node:path";
import type { InferredOptionTypes } from "yargs";
import { buildBaseImage } from "../../image/base-image/build-base-image.js";
import { pythonIndex } from "../../image/base-image/python-index.js";
import { chooseVariant } from "../../image/base-image/variants.js";
import { connectEngine } from "../../image/docker/engine.js";
import { cacheFolder } from "../../model-source/cache-folder.js";
import type { CommandSession } from "../command-session.js";
import type { baseImageOptions } from "../options/image-options.js";

type BaseImageArguments = InferredOptionTypes<typeof baseImageOptions>;

/** `build_processor base-image`: builds the image under every processor image. */
export async function runBaseImage(
  args: BaseImageArguments,
  { terminal, progress, signal }: CommandSession,
): Promise<number> {
  const { environment } = terminal;
  const report = await buildBaseImage({
    engine: await connectEngine(environment, signal),
    variant: chooseVariant(args.device, args.cuda ?? null),
    debianRoot: args["debian-root"] === "mmdebstrap" ? "packages" : args["debian-root"],
    wheelFolder: args.wheels === undefined ? null : resolve(terminal.currentDirectory, args.wheels),
    pythonIndex: pythonIndex(environment),
    ...(args.tag === undefined ? {} : { imageName: args.tag }),
    cacheFolder: cacheFolder(environment),
    progress,
    signal,
  });
  terminal.out(
    args.json
      ? `${JSON.stringify(report, null, 2)}\n`
      : `image     ${report.imageName}\ndigest    ${report.imageId}\nsize      ${(report.sizeBytes / 1e6).toFixed(1)} MB\n`,
  );
  return 0;
}
