import { join } from "node:path";
import { silentProgress } from "../../../processor/contract/progress/progress.js";
import type { ImageSettings } from "../../../processor/contract/run-settings.js";
import { indexFinder } from "../../../src/base-image/python-index.js";
import type { BuildReport } from "../../../src/build/build-report.js";
import type {
  BaseRequest,
  BuildContext,
  BuildRequest,
  OutputRequest,
} from "../../../src/build/build-request.js";
import { buildWith } from "../../../src/build/choose-builder.js";
import { cacheFolder } from "../../../src/model-source/cache-folder.js";
import { goldenPath } from "../golden.js";
import { testSettings } from "../model/convert.js";
import { modelIn } from "../model/model-in.js";
import { singleModel } from "../model/single-model.js";
import { usualRegistrySettings } from "../oci/registry-settings.js";

export interface TestBuild {
  /** A model of `golden/v2`. */
  readonly golden: string;
  readonly imageName: string;
  /** The folder for the build folder and the archive. */
  readonly scratch: string;
  readonly settings?: Partial<ImageSettings>;
  readonly base?: Partial<BaseRequest>;
  readonly outputs?: Partial<OutputRequest>;
  readonly context?: Partial<BuildContext>;
}

/** Returns the request that the command line would make for this build. */
export async function testBuildRequest(build: TestBuild): Promise<BuildRequest> {
  const { golden, imageName, scratch } = build;
  return {
    models: singleModel(await modelIn(goldenPath("v2", golden, "model"))),
    settings: { ...testSettings, ...build.settings },
    hookFile: null,
    image: {
      description: {
        imageName,
        title: golden,
        description: 'an nnU-Net of the tests, with "quotes", a $HOME and a \\',
        created: new Date("2026-01-02T03:04:05Z"),
        source: "https://example.org/source",
        licenses: "Apache-2.0",
      },
      target: { kind: "plain" },
      platform: "linux/amd64",
      leftOut: [],
    },
    base: {
      imageName: null,
      variant: "cpu",
      gpuArchitectures: [],
      leftOut: [],
      findIndex: indexFinder(process.env, new AbortController().signal),
      ...build.base,
    },
    outputs: {
      exportFolder: null,
      archiveName: null,
      modelTarball: null,
      existing: "keep",
      isPushed: false,
      buildDir: join(scratch, "build"),
      keepsBuildFiles: false,
      ...build.outputs,
    },
    attestation: null,
    context: {
      registries: usualRegistrySettings,
      lockFile: null,
      cacheFolder: cacheFolder(process.env),
      cacheLimitBytes: Number.POSITIVE_INFINITY,
      environment: process.env,
      progress: silentProgress,
      signal: new AbortController().signal,
      ...build.context,
    },
  };
}

export const buildWithDocker = (request: BuildRequest): Promise<BuildReport> =>
  buildWith({ builder: "docker", engine: null }, request);

export const buildEmbedded = (request: BuildRequest): Promise<BuildReport> =>
  buildWith({ builder: "embedded", engine: null }, request);
