import { join } from "node:path";
import type { RuntimeSettings } from "../../processor/contract/manifest.js";
import { type Progress, silentProgress } from "../../processor/contract/progress/progress.js";
import type { BuildOptions } from "../../src/build/build-options.js";
import { cacheFolder } from "../../src/model-source/cache-folder.js";
import { findModel } from "../../src/models/find-model.js";
import { testSettings } from "./convert.js";
import { goldenPath } from "./golden.js";
import { usualRegistrySettings } from "./registry-settings.js";
import { singleModel } from "./single-model.js";

export interface TestBuild {
  /** A model of `golden/v2`. */
  readonly golden: string;
  readonly imageName: string;
  /** Holds the build folder and the archive. */
  readonly scratch: string;
  readonly settings?: Partial<RuntimeSettings>;
  readonly progress?: Progress;
}

/** The options of a build as the command line would make them. */
export async function testBuildOptions(build: TestBuild): Promise<BuildOptions> {
  const { golden, imageName, scratch, settings = {}, progress = silentProgress } = build;
  return {
    models: singleModel(await findModel({ modelDir: goldenPath("v2", golden, "model") })),
    settings: { ...testSettings, ...settings },
    description: {
      imageName,
      title: golden,
      description: 'an nnU-Net of the tests, with "quotes", a $HOME and a \\',
      created: new Date("2026-01-02T03:04:05Z"),
      source: "https://example.org/source",
      licenses: "Apache-2.0",
    },
    hookFile: null,
    target: { kind: "plain" },
    archiveName: null,
    modelTarball: null,
    existing: "keep",
    baseImage: null,
    baseVariant: "cpu",
    pythonIndex: null,
    buildDir: join(scratch, "build"),
    platform: "linux/amd64",
    keepBuildFiles: false,
    attestation: null,
    exportFolder: null,
    engine: null,
    isPushed: false,
    registries: usualRegistrySettings,
    lockFile: null,
    cacheFolder: cacheFolder(process.env),
    cacheLimitBytes: Number.POSITIVE_INFINITY,
    environment: process.env,
    progress,
  };
}
