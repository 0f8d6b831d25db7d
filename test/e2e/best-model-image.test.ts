import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { goldenPath, repositoryRoot } from "../support/golden.js";
import { compareSegmentations } from "../support/images/compare-segmentations.js";
import { scratchFolder } from "../support/oci/oci-scratch.js";
import { smallBase } from "../support/oci/small-base.js";
import { outputOf } from "../support/program-on-path.js";
import { runProgram } from "../support/programs/run-program.js";

/** The data sets, and what nnU-Net's own commands answer with their best models: test/peer/best_model_fixtures.py. */
const datasets = [
  {
    dataset: "Dataset503_Cascade",
    scenario: "SingleWinsIslands",
    members: ["3d_cascade_fullres"],
    expected: "cascade.nii.gz",
  },
  {
    dataset: "Dataset504_Average",
    scenario: "EnsembleWins",
    members: ["3d_lowres", "3d_cascade_fullres"],
    expected: "ensemble.nii.gz",
  },
] as const;

const stages = { "2d": "3d_lowres", "3d_fullres": "3d_cascade_fullres" } as const;

/** Gives the golden cascade the cross-validation of another golden data set. */
function arrange(folder: string, { dataset, scenario }: (typeof datasets)[number]): void {
  const place = (root: string): string => {
    const source = goldenPath("tools", "selection", scenario, "in", root);
    const target = join(folder, root, dataset);
    cpSync(join(source, readdirSync(source)[0]!), target, { recursive: true });
    return target;
  };
  const [results, preprocessed] = [place("nnUNet_results"), place("nnUNet_preprocessed")];
  for (const [old, stage] of Object.entries(stages)) {
    const model = join(results, `nnUNetTrainer__nnUNetTinyPlans__${stage}`);
    renameSync(join(results, `nnUNetTrainer__nnUNetPlans__${old}`), model);
    cpSync(goldenPath("v2", `cascade_${stage}`, "model"), model, { recursive: true });
    const plans = readFileSync(join(model, "plans.json"), "utf8").replace("Dataset503_Cascade", dataset);
    for (const file of [join(model, "plans.json"), join(preprocessed, "nnUNetTinyPlans.json")])
      writeFileSync(file, plans);
  }
}

interface Manifest {
  readonly models: readonly { readonly configuration: string }[];
  readonly postProcessing: readonly object[];
}

/** Unpacks an image that an engine would load, and returns the folder with its models. */
async function modelsIn(archive: string, folder: string): Promise<string> {
  const [image, root] = [join(folder, "image"), join(folder, "root")];
  for (const place of [image, root]) mkdirSync(place);
  await outputOf("tar", "-xzf", archive, "-C", image);
  const [{ Layers }] = JSON.parse(readFileSync(join(image, "manifest.json"), "utf8")) as [
    { readonly Layers: readonly string[] },
  ];
  for (const layer of Layers) await outputOf("tar", "-xf", join(image, layer), "-C", root);
  return join(root, "opt", "nnunet-processor", "model");
}

test("find-best's config.json of a cascade, and of an average with a cascade, builds an image that answers as nnU-Net", {
  timeout: 600_000,
}, async () => {
  const folder = scratchFolder();
  for (const dataset of datasets) arrange(folder, dataset);
  const run = async (cwd: string, ...args: readonly string[]) => {
    const environment = {
      nnUNet_results: join(folder, "nnUNet_results"),
      nnUNet_preprocessed: join(folder, "nnUNet_preprocessed"),
      XDG_CACHE_HOME: join(folder, "cache"),
    };
    const { exitCode, err, out } = await runProgram(args, { cwd, environment });
    expect(exitCode, err).toBe(0);
    return out;
  };
  const models = ["-p", "nnUNetTinyPlans", "-c", ...Object.values(stages), "-f", "0"];
  await run(folder, "find-best", "503", "504", ...models, "--write-config", "images/config.json");
  const base = await smallBase(folder);
  for (const { dataset, members, expected } of datasets) {
    const cwd = join(folder, "images", dataset);
    const options = ["--builder", "embedded", "--base-image", base, "--tag", "team/best:1", "--export"];
    await run(cwd, "--config-file", "config.json", ...options);
    const modelDir = await modelsIn(join(cwd, "team-best-1.tar.gz"), cwd);
    const manifest = JSON.parse(readFileSync(join(modelDir, "manifest.json"), "utf8")) as Manifest;
    expect(manifest.models.map(({ configuration }) => configuration)).toEqual(members);
    expect(manifest.postProcessing).toEqual([{ labels: [1, 2], connectivity: 26, minimumMm3: null }]);
    const input = goldenPath("v2", "cascade_3d_cascade_fullres", "input");
    await run(cwd, "predict", "--model-dir", modelDir, "-i", input, "-o", "answer");
    const { voxels, differing, geometry, expectedGeometry } = await compareSegmentations(
      join(cwd, "answer", "cas_007.nii.gz"),
      join(repositoryRoot, "test", "fixtures", "best-models", expected),
    );
    expect(geometry).toEqual(expectedGeometry);
    // nnU-Net adds up windows in float16, so that a voxel between two labels may get the other one. The components
    // that post-processing removes are larger than what may differ.
    expect(differing).toBeLessThanOrEqual(voxels / 20_000);
  }
});
