import type { InferredOptionTypes } from "yargs";
import type { BuildWishes } from "../../build/build-wishes.js";
import { withBuildRequest } from "../../build/complete-build-request.js";
import { verifyImage } from "../../build/verify-image.js";
import type { VerifyReport } from "../../build/verify-report.js";
import { builderError } from "../../ground/errors/builder-errors.js";
import type { LayerComparison } from "../../oci/compare-images.js";
import { absoluteImageFile } from "../../oci/image-file.js";
import { sharedWishes } from "../build-wishes.js";
import type { CommandSession } from "../command-session.js";
import type { verifyOptions } from "../options/build-options.js";

type VerifyArguments = InferredOptionTypes<typeof verifyOptions> & { readonly image: string };

const filesShown = 10;

/**
 * `build_processor verify IMAGE`: builds the image again without an engine and compares the two.
 *
 * @throws IMAGE_DIFFERS if they differ, after printing the report
 */
export async function runVerify(args: VerifyArguments, session: CommandSession): Promise<number> {
  const { terminal } = session;
  const { target, registry, hasModelTarball, buildDir, ...shared } = sharedWishes(args, session);
  const wishes: BuildWishes = {
    ...shared,
    // The tag and the platform come from the image.
    image: { tag: null, target, registry, platform: "linux/amd64" },
    builder: "embedded",
    outputs: {
      archiveFormat: null,
      hasModelTarball,
      existing: "keep",
      isPushed: false,
      buildDir,
      keepsBuildFiles: false,
    },
    attestation: { isWanted: false, keyFile: null },
  };
  const image = await absoluteImageFile(args.image, terminal.currentDirectory);
  const report = await withBuildRequest(wishes, session, ({ request }) => verifyImage(image, request));
  terminal.out(args.json ? `${JSON.stringify(report, null, 2)}\n` : verificationText(report));
  if (report.isSame) return 0;
  throw builderError(
    "IMAGE_DIFFERS",
    `${args.image} differs from the image that these inputs give${otherBase(report)}`,
  );
}

/** Returns the end of the message for an image on another base, whose layers all differ from those of the rebuild. */
export function otherBase({ settings }: Pick<VerifyReport, "settings">): string {
  const base = settings.find(({ name }) => name === "config.Labels.org.opencontainers.image.base.name");
  if (base === undefined || base.found === null) return "";
  const name = base.found.replaceAll('"', "");
  const remedy = name.startsWith(ownBaseName)
    ? "give the --device, --cuda, --gpu-arch and --leave-out of that build, and use the version of build_processor that made it"
    : "name that base with --base-image to compare the image with a build on it";
  return `; it was built on the base ${name}, and these inputs on ${base.expected?.replaceAll('"', "") ?? "none"}: ${remedy}`;
}

/** How the names of bases that this program makes begin. */
const ownBaseName = "nnunet-processor-base:";

/** Formats the report for people. */
export function verificationText(report: VerifyReport): string {
  const { image, foundDigest, rebuiltDigest, isSame, isByDocker, layers, settings } = report;
  const lines = [
    `image    ${image}`,
    `config   ${foundDigest}`,
    `rebuilt  ${rebuiltDigest}`,
    ...(isByDocker ? [byDocker] : []),
    ...layers.flatMap((layer) => (isByDocker ? layerLines(layer).slice(0, 1) : layerLines(layer))),
    ...settings
      .filter(({ name }) => !isByDocker || name.startsWith("config.Labels."))
      .map(
        ({ name, found, expected }) => `setting  ${name}: ${shortened(found)} and not ${shortened(expected)}`,
      ),
    isSame ? "the same, bit for bit" : "not the same",
  ];
  return `${lines.join("\n")}\n`;
}

const byDocker =
  "builder  Docker built this image and chose the times of its files, so that it cannot be rebuilt bit for bit. Build it with this program's own builder, which is the default.";

const longestValue = 100;

const shortened = (value: string | null): string =>
  value === null ? "missing" : value.length > longestValue ? `${value.slice(0, longestValue)}…` : value;

function layerLines({ name, isSame, isFramedAnew, found, expected, files }: LayerComparison): string[] {
  if (isSame) return [`same     ${name}${isFramedAnew ? " (compressed differently)" : ""}`];
  const shown = files.slice(0, filesShown).map(({ path, difference }) => `         ${difference}: ${path}`);
  return [
    `differs  ${name}: ${found ?? "missing"} and not ${expected ?? "missing"}`,
    ...shown,
    ...(files.length === 0
      ? ["         the files are the same; their owners, modes, times or order differ"]
      : []),
    ...(files.length > filesShown ? [`         and ${files.length - filesShown} more files`] : []),
  ];
}
