import type { SettingChoices } from "../../processor/contract/setting-choices.js";
import type { TargetKind } from "../../processor/contract/target.js";
import type { ImagePart } from "../base-image/image-parts.js";
import type { CudaMajor } from "../base-image/variants.js";
import type { ExistingFile } from "../ground/files/all-or-nothing.js";
import type { ImagePlatform } from "../image/image-plan.js";
import type { ModelChoice } from "../models/models-of-config.js";
import type { RegistrySettings } from "../oci/registry/registry-access.js";
import type { BuilderName } from "./image-builder.js";

/** A caller's choices for a build, which override config.json. Null means the value of config.json, or the default. */
export interface BuildWishes {
  /** Null for `config.json`, which may be absent. */
  readonly configFile: string | null;
  readonly task: string | null;
  readonly models: ModelChoice;
  /** True to leave the model out: the image takes any model when it runs. */
  readonly isForAnyModel: boolean;
  readonly settings: SettingChoices;
  /** A TypeScript or JavaScript module with hooks; null for none. */
  readonly hookFile: string | null;
  readonly image: {
    readonly tag: string | null;
    readonly target: TargetKind | null;
    readonly registry: string | null;
    readonly platform: ImagePlatform;
  };
  readonly base: {
    readonly imageName: string | null;
    readonly cuda: CudaMajor | null;
    readonly gpuArchitectures: readonly string[] | null;
    /** Parts that are left out, in addition to those of config.json. */
    readonly leftOut: readonly ImagePart[];
  };
  readonly builder: BuilderName | "auto";
  readonly outputs: {
    /** Null for no archive. */
    readonly archiveFormat: "tar.gz" | "tar" | null;
    readonly hasModelTarball: boolean;
    readonly existing: ExistingFile;
    readonly isPushed: boolean;
    readonly buildDir: string | null;
    readonly keepsBuildFiles: boolean;
  };
  readonly attestation: { readonly isWanted: boolean; readonly keyFile: string | null };
  /** Called once the image's name is known, because the credentials are for the registry in that name. */
  readonly registriesFor: (imageName: string) => Promise<RegistrySettings>;
}
