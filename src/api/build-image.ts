import { optionNames, settingChoices } from "../../processor/contract/setting-choices.js";
import type { SettingOptions } from "../../processor/contract/setting-types.js";
import type { TargetKind } from "../../processor/contract/target.js";
import type { ImagePart } from "../base-image/image-parts.js";
import type { CudaMajor } from "../base-image/variants.js";
import type { BuildWishes } from "../build/build-wishes.js";
import { buildWith } from "../build/choose-builder.js";
import { withBuildRequest } from "../build/complete-build-request.js";
import { verifyImage } from "../build/verify-image.js";
import type { VerifyReport } from "../build/verify-report.js";
import { absoluteImageFile } from "../oci/image-file.js";
import { parseImageReference } from "../oci/registry/image-reference.js";
import { type CallOptions, call } from "./call.js";

/** The inputs of an image. For a field that is left out, config.json or the program's default counts. */
export interface ImageInputs extends CallOptions, SettingOptions<"build"> {
  /** Default: `config.json` in the current folder, which may be absent. */
  readonly configFile?: string | undefined;
  /** Several folders are averaged. */
  readonly modelDir?: string | readonly string[] | undefined;
  /** Task or dataset, when the folder holds several. */
  readonly task?: string | undefined;
  readonly configuration?: string | readonly string[] | undefined;
  readonly folds?: readonly string[] | undefined;
  readonly checkpointName?: string | undefined;
  /** ONNX files of your own network, one for each fold. */
  readonly onnxFiles?: readonly string[] | undefined;
  /** For a cascade: the model of its low-resolution stage. */
  readonly previousStageModel?: string | undefined;
  /** Download the published model of the task; default: false. */
  readonly downloadPretrained?: boolean | undefined;
  /** A module with hooks; see `nnunet-processor/hooks`. */
  readonly hookFile?: string | undefined;
  readonly target?: TargetKind | undefined;
  /** Registry and path before the image's name. */
  readonly registry?: string | undefined;
  /** `docker-archive:FILE`, `oci:FOLDER`, or a name; default: the recipe's own. */
  readonly baseImage?: string | undefined;
  readonly cuda?: CudaMajor | undefined;
  /** The compute capabilities of the GPUs that the image is for, such as `["8.6"]`; default: all. */
  readonly gpuArchitectures?: readonly string[] | undefined;
  /** Parts that an image for CPUs does without: `openvino`, the second inference engine. */
  readonly leaveOut?: readonly ImagePart[] | undefined;
  /** Write the model to model.tar.gz, apart from the image; default: false. */
  readonly modelTarball?: boolean | undefined;
  /** For what is made on the way; default: `build`. */
  readonly buildDir?: string | undefined;
  /** For the registry in the image's name; default: what Docker is logged in to. */
  readonly credentials?: { readonly user: string; readonly password: string } | undefined;
  /** Registries, host and port, that may be spoken to without TLS. */
  readonly plainHttpRegistries?: readonly string[] | undefined;
}

export interface BuildOptions extends ImageInputs {
  /** The image's name. */
  readonly tag?: string | undefined;
  /** Default: `linux/amd64`. */
  readonly platform?: "linux/amd64" | "linux/arm64" | undefined;
  /** Default: `auto`, which is `embedded` and loads the image into Docker if an engine answers. */
  readonly builder?: "auto" | "docker" | "embedded" | undefined;
  /** Write an archive into the current folder; default: none. */
  readonly archiveFormat?: "tar.gz" | "tar" | undefined;
  /** Send the image to its registry; default: false. */
  readonly push?: boolean | undefined;
  /** What happens to an archive that exists already; default: `error`. */
  readonly existing?: "error" | "overwrite" | undefined;
  /** Describe the image in documents next to the archive and in the registry; default: true. */
  readonly attest?: boolean | undefined;
  /** Private key of cosign that signs what is pushed; its password is `COSIGN_PASSWORD`. */
  readonly signKey?: string | undefined;
}

/** The part of `build_processor --json` that a caller needs. */
export interface BuildReport {
  readonly builder: "docker" | "embedded" | "context";
  readonly imageName: string;
  readonly baseImage: string;
  /** The digest of the configuration, which is Docker's id of the image. */
  readonly imageId: string | null;
  /** The digest by which registries know the image; null for an image that Docker built and nobody pushed. */
  readonly manifestDigest: string | null;
  /** `name@sha256:…`, to pin the image by; null if it was not pushed. */
  readonly pinnedName: string | null;
  readonly sizeBytes: number | null;
  readonly labels: Readonly<Record<string, string>>;
  /** How the image's answer differs from nnU-Net's defaults; empty if it does not. */
  readonly departures: readonly string[];
  /** Null when none was asked for. */
  readonly archive: { readonly path: string; readonly bytes: number; readonly sha256: string } | null;
  /** Null when the image carries its model. */
  readonly modelTarball: { readonly path: string } | null;
}

/**
 * Builds an image of a trained model. A build that fails leaves no file.
 *
 * @throws ProcessorError
 */
export function build(options: BuildOptions): Promise<BuildReport> {
  return call(options, (session) =>
    withBuildRequest(buildWishes(options), session, ({ choice, request }) => buildWith(choice, request)),
  );
}

function buildWishes(options: BuildOptions): BuildWishes {
  return {
    ...inputsOf(options),
    image: {
      tag: options.tag ?? null,
      target: options.target ?? null,
      registry: options.registry ?? null,
      platform: options.platform ?? "linux/amd64",
    },
    builder: options.builder ?? "auto",
    outputs: {
      archiveFormat: options.archiveFormat ?? null,
      hasModelTarball: options.modelTarball ?? false,
      existing: options.existing === "overwrite" ? "replace" : "keep",
      isPushed: options.push ?? false,
      buildDir: options.buildDir ?? null,
      keepsBuildFiles: false,
    },
    attestation: { isWanted: options.attest ?? true, keyFile: options.signKey ?? null },
  };
}

export interface VerifyOptions extends ImageInputs {
  /** Archive as `docker save` writes it, `oci:FOLDER`, or a name that the engine or a registry knows. */
  readonly image: string;
}

/**
 * Builds an image again, keeps nothing, and compares. The report says whether it is the same.
 *
 * @throws ProcessorError if the image cannot be had or built
 */
export function verify(options: VerifyOptions): Promise<VerifyReport> {
  return call(options, async (session) => {
    const image = await absoluteImageFile(options.image, session.currentDirectory);
    return withBuildRequest(verifyWishes(options), session, ({ request }) => verifyImage(image, request));
  });
}

function verifyWishes(options: VerifyOptions): BuildWishes {
  return {
    ...inputsOf(options),
    // The tag and the platform are the image's.
    image: {
      tag: null,
      target: options.target ?? null,
      registry: options.registry ?? null,
      platform: "linux/amd64",
    },
    builder: "embedded",
    outputs: {
      archiveFormat: null,
      hasModelTarball: options.modelTarball ?? false,
      existing: "keep",
      isPushed: false,
      buildDir: options.buildDir ?? null,
      keepsBuildFiles: false,
    },
    attestation: { isWanted: false, keyFile: null },
  };
}

function inputsOf(options: ImageInputs): Omit<BuildWishes, "image" | "builder" | "outputs" | "attestation"> {
  const { modelDir, configuration, credentials } = options;
  const listOf = (value: string | readonly string[] | undefined): readonly string[] | null =>
    typeof value === "string" ? [value] : (value ?? null);
  return {
    configFile: options.configFile ?? null,
    task: options.task ?? null,
    models: {
      modelDirs: listOf(modelDir),
      configurations: listOf(configuration),
      checkpointName: options.checkpointName ?? null,
      folds: options.folds ?? null,
      onnxFiles: options.onnxFiles ?? null,
      nvidiaConfigFile: null,
      previousStage: options.previousStageModel ?? null,
      isPretrained: options.downloadPretrained ?? false,
      zenodoUrl: null,
    },
    isForAnyModel: false,
    settings: settingChoices({ ...options }, "build", optionNames),
    hookFile: options.hookFile ?? null,
    base: {
      imageName: options.baseImage ?? null,
      cuda: options.cuda ?? null,
      gpuArchitectures: options.gpuArchitectures ?? null,
      leftOut: options.leaveOut ?? [],
    },
    registriesFor: async (imageName) => ({
      credentials:
        credentials === undefined
          ? null
          : { registry: parseImageReference(imageName).registry, ...credentials },
      plainHttp: options.plainHttpRegistries ?? [],
      certificateAuthority: null,
    }),
  };
}
