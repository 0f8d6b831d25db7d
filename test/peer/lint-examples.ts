import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { goldenPath, repositoryRoot } from "../support/golden.js";
import { outputOf } from "../support/program-on-path.js";
import { runToEnd } from "./run-to-end.js";

const program = join(repositoryRoot, "dist", "build_processor.js");
/** The versions of Kubernetes whose schemas the Indexed Job must fit. */
const versions = ["1.29", "1.31", "1.33", "1.35", "1.37"];
const packages = ["kubernetes-validate==1.37.0", "snakemake==9.27.1"];

/** Returns the programs of a Python environment, which NNUNET_LINT_VENV may name. */
async function binOf(scratch: string): Promise<string> {
  const named = process.env["NNUNET_LINT_VENV"] ?? "";
  if (named !== "") return join(named, "bin");
  const folder = join(scratch, "venv");
  await runToEnd("python3", ["-m", "venv", folder]);
  await runToEnd(join(folder, "bin", "pip"), ["install", "--quiet", ...packages]);
  return join(folder, "bin");
}

/**
 * Checks what `batch k8s` prints against the schemas of Kubernetes, and runs the example of Snakemake with a golden model.
 *
 * @returns what was checked
 */
export async function lintExamples(scratch: string): Promise<string> {
  const bin = await binOf(scratch);
  const job = join(scratch, "job.yaml");
  const words = ["batch", "k8s", "--image", "registry.example/liver:1", "--claim", "scans", "--shards", "20"];
  writeFileSync(job, await outputOf(process.execPath, program, ...words, "--gpus", "1"));
  for (const version of versions)
    await runToEnd(join(bin, "kubernetes-validate"), ["--strict", "-k", version, job]);

  const folder = join(scratch, "snakemake");
  mkdirSync(join(folder, "images"), { recursive: true });
  writeFileSync(
    join(scratch, "build_processor"),
    `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@"\n`,
    {
      mode: 0o755,
    },
  );
  const image = goldenPath("v2", "blobs_2d", "input", "blob_010_0000.nii.gz");
  for (const name of ["one", "two", "three"])
    symlinkSync(image, join(folder, "images", `${name}_0000.nii.gz`));
  process.env["PATH"] = `${scratch}:${process.env["PATH"]}`;
  await runToEnd(join(bin, "snakemake"), [
    ...["--snakefile", join(repositoryRoot, "examples", "batch", "Snakefile"), "--directory", folder],
    ...["--cores", "1", "--config", `model=${goldenPath("v2", "blobs_2d", "model")}`, "images=images"],
  ]);
  const results = readdirSync(join(folder, "out", "segmentations"));
  if (results.length !== 3 || !existsSync(join(folder, "out", "summary.csv")))
    throw new Error(`Snakemake's rules left ${results.join(", ")}`);
  return `the Indexed Job fits Kubernetes ${versions.join(", ")}; Snakemake computed ${results.length} cases in 4 shards`;
}
