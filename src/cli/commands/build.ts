import type { InferredOptionTypes } from "yargs";
import type { BuildWishes } from "../../build/build-wishes.js";
import { buildWith } from "../../build/choose-builder.js";
import { withBuildRequest } from "../../build/complete-build-request.js";
import { sharedWishes } from "../build-wishes.js";
import type { CommandSession } from "../command-session.js";
import type { buildOptions } from "../options/build-options.js";
import { reportText } from "./build-report.js";

type BuildArguments = InferredOptionTypes<typeof buildOptions>;

/** `build_processor`: builds an image from a trained model. */
export async function runBuild(args: BuildArguments, session: CommandSession): Promise<number> {
  const { terminal, progress } = session;
  if (args["apply-resample-patch"]) {
    progress.note(
      "--apply-resample-patch has no effect: resampling always needs little memory, and the answer is nnU-Net's own",
    );
  }
  const text = await withBuildRequest(wishesOf(args, session), session, async ({ choice, request }) => {
    const report = await buildWith(choice, request);
    return args.json ? `${JSON.stringify(report, null, 2)}\n` : reportText(report, request, terminal);
  });
  terminal.out(text);
  return 0;
}

function wishesOf(args: BuildArguments, session: CommandSession): BuildWishes {
  const { target, registry, hasModelTarball, buildDir, ...shared } = sharedWishes(args, session);
  return {
    ...shared,
    image: { tag: args.tag ?? null, target, registry, platform: args.platform },
    builder: args["context-only"] ? "context" : args.builder,
    outputs: {
      archiveFormat: args.export ? args["export-format"] : null,
      hasModelTarball,
      existing: args.overwrite ? "replace" : "keep",
      isPushed: args.push,
      buildDir,
      keepsBuildFiles: args["keep-build-files"],
    },
    attestation: { isWanted: args.attest, keyFile: args["sign-key"] ?? null },
  };
}
