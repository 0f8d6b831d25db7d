import { join, resolve } from "node:path";
import type { InferredOptionTypes } from "yargs";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { indexFinder } from "../../base-image/python-index.js";
import { chooseVariant } from "../../base-image/variants.js";
import { buildBaseImage } from "../../build/build-base-image.js";
import { pinnedName } from "../../build/build-report.js";
import { pushBaseImage } from "../../build/push-base-image.js";
import { connectEngine } from "../../docker/engine.js";
import { lockFileName } from "../../download/lock-file-name.js";
import { cacheFolder, cacheLimitBytes } from "../../model-source/cache-folder.js";
import { checkRegistry } from "../../oci/registry/push-to-registry.js";
import type { CommandSession } from "../command-session.js";
import type { baseImageOptions } from "../options/image-options.js";
import { registrySettings } from "../registry-settings.js";

type BaseImageArguments = InferredOptionTypes<typeof baseImageOptions>;

/** `build_processor base-image`: builds the base image of all processor images, and pushes it with `--push`. */
export async function runBaseImage(
  args: BaseImageArguments,
  { terminal, progress, signal }: CommandSession,
): Promise<number> {
  const { environment, currentDirectory } = terminal;
  const access = {
    registries: await registrySettings(args, pushedName(args) ?? "base", terminal),
    environment,
    progress,
    signal,
  };
  if (args.push) await checkRegistry(pushedName(args)!, access);
  const engine = await connectEngine(environment, signal);
  const report = await buildBaseImage({
    engine,
    variant: chooseVariant(args.device, args.cuda ?? null),
    gpuArchitectures: args["gpu-arch"] ?? [],
    debianRoot: args["debian-root"] === "mmdebstrap" ? "packages" : args["debian-root"],
    wheelFolder: args.wheels === undefined ? null : resolve(currentDirectory, args.wheels),
    leftOut: args["leave-out"] ?? [],
    findIndex: indexFinder(environment, signal),
    ...(args.tag === undefined ? {} : { imageName: args.tag }),
    cacheFolder: cacheFolder(environment),
    progress,
    signal,
  });
  const pushed = args.push
    ? await pushBaseImage({
        engine,
        image: report,
        ...access,
        cacheFolder: cacheFolder(environment),
        cacheLimitBytes: cacheLimitBytes(environment),
        lockFile: join(currentDirectory, lockFileName),
      })
    : null;
  const pinned = pushed === null ? null : pinnedName(report.imageName, pushed.manifestDigest);
  const rows = [
    `image     ${report.imageName}`,
    `digest    ${report.imageId}`,
    `size      ${(report.sizeBytes / 1e6).toFixed(1)} MB`,
    ...(pinned === null
      ? []
      : [
          `pin it    ${pinned}`,
          `locked    ${lockFileName}: \`build_processor --base-image ${report.imageName}\` accepts only this digest`,
        ]),
  ];
  terminal.out(
    args.json
      ? `${JSON.stringify({ ...report, pushed, pinnedName: pinned }, null, 2)}\n`
      : `${rows.join("\n")}\n`,
  );
  return 0;
}

/**
 * Returns the name under which `--push` pushes the image; null without `--push`.
 *
 * @throws USAGE if --tag is missing, because the default name has no registry
 */
function pushedName({ push, tag }: BaseImageArguments): string | null {
  if (!push) return null;
  if (tag !== undefined) return tag;
  throw sharedError(
    "USAGE",
    "--push needs --tag with a name in the registry, such as registry.example.org/team/base:1",
  );
}
