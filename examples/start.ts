/**
 * `npm start`: the main job on a real example. A trained nnU-Net becomes a processor image, the image segments a
 * brain MRI, and the answer is compared with the one that nnU-Net itself gave.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { ProcessorError } from "../processor/errors.js";
import { readImage } from "../processor/image-io/read-image.js";
import type { Image } from "../processor/volume/image.js";
import type { LabelMap } from "../processor/volume/label-map.js";
import { main } from "../src/cli/main.js";
import { connectEngine } from "../src/image/docker/engine.js";
import { labelColours, overlayPicture } from "./overlay-picture.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const example = join(root, "examples", "brain-tissue");
const out = join(root, "out", "example");
const caseName = "brain_010";
const tag = "nnunet-processor/brain-tissue:example";

async function showTheMainJob(): Promise<void> {
  say("nnunet-processor: a trained nnU-Net becomes a running Docker image\n");
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const engine = await answeringEngine();
  say(engine.line);
  await compareWithNnunet(engine.isThere ? await segmentInContainer() : await segmentWithoutEngine());
}

async function answeringEngine(): Promise<{ readonly isThere: boolean; readonly line: string }> {
  try {
    const { description } = await connectEngine(process.env);
    return { isThere: true, line: `${description} answers: the image is built and run with it.\n` };
  } catch (error) {
    if (!(error instanceof ProcessorError)) throw error;
    const line =
      "Without Docker: the image is put together into an archive, and the same processor runs in Node.\n";
    return { isThere: false, line };
  }
}

/** With Docker: build the image, run it as a hospital would (no network, read-only), return its segmentation. */
async function segmentInContainer(): Promise<string> {
  await step("build_processor", [
    ...["--config-file", join(example, "config.json"), "--model-dir", join(example, "model"), "--tag", tag],
    ...["--build-dir", join(out, "build")],
  ]);
  // The container runs as user 1000, who must be able to write here.
  const mounted = join(out, "container-output");
  mkdirSync(mounted, { recursive: true, mode: 0o777 });
  const run = [
    ...[
      "run",
      "--rm",
      "--network",
      "none",
      "--read-only",
      "--tmpfs",
      "/tmp",
      "--user",
      `${process.getuid?.() ?? 1000}`,
    ],
    ...["-v", `${join(example, "input")}:/input:ro`, "-v", `${mounted}:/output`, tag],
  ];
  say(`\n$ docker ${run.map(shown).join(" ")}`);
  const { status } = spawnSync("docker", run, { stdio: "inherit" });
  if (status !== 0) fail(`docker run exited with ${status}`);
  return join(mounted, "images", `${caseName}_0000.nii.gz`);
}

/** Without: the image is put together into an archive, and the same processor runs directly in Node. */
async function segmentWithoutEngine(): Promise<string> {
  const build = [
    ...["--config-file", join(example, "config.json"), "--model-dir", join(example, "model"), "--tag", tag],
    ...["--build-dir", join(out, "build")],
  ];
  process.chdir(out); // an archive is written where the command runs
  say(`$ npx build_processor ${[...build, "--export"].map(shown).join(" ")}`);
  if ((await main([...build, "--export"])) !== 0) {
    say("\nDebian can't be had here, so the build goes as far as the context that `docker build` takes:\n");
    await step("build_processor", [...build, "--context-only"]);
  }
  process.chdir(root);
  say("");
  await step("build_processor", [
    ...["predict", "--model-dir", join(example, "model"), "-i", join(example, "input")],
    ...["-o", join(out, "segmentations")],
  ]);
  return join(out, "segmentations", `${caseName}.nii.gz`);
}

async function compareWithNnunet(segmentationFile: string): Promise<void> {
  const image = await readImage(join(example, "input", `${caseName}_0000.nii.gz`));
  const ours = await readImage(segmentationFile);
  const nnunet = await readImage(join(example, "expected", `${caseName}.nii.gz`));
  const dataset = JSON.parse(readFileSync(join(example, "model", "dataset.json"), "utf8")) as {
    readonly labels: Readonly<Record<string, number>>;
  };
  const picture = join(out, "overlay.png");
  writeFileSync(picture, overlayPicture(image, toLabelMap(ours), 360));

  say(`\nsegmentation  ${relative(process.cwd(), segmentationFile)}`);
  say(`picture       ${relative(process.cwd(), picture)}\n`);
  say("agreement with nnU-Net's own answer (nnunetv2 2.8.1, same model, same image):");
  for (const [name, label] of Object.entries(dataset.labels)) {
    if (label === 0) continue;
    const [red, green, blue] = labelColours[label - 1]!;
    const swatch = process.stdout.isTTY ? `\u001b[38;2;${red};${green};${blue}m■\u001b[0m ` : "";
    say(`  ${swatch}${name.padEnd(14)} Dice ${dice(ours, nnunet, label).toFixed(5)}`);
  }
  say(`  voxels that differ: ${differingVoxels(ours, nnunet)} of ${ours.voxels.length}`);
}

async function step(program: string, args: readonly string[]): Promise<void> {
  say(`$ npx ${program} ${args.map(shown).join(" ")}`);
  const code = await main(args);
  if (code !== 0) fail(`${program} exited with ${code}`);
}

const shown = (argument: string): string => argument.replaceAll(`${root}/`, "");

function dice(a: Image, b: Image, label: number): number {
  let both = 0;
  let either = 0;
  for (let i = 0; i < a.voxels.length; i++) {
    const inA = Number(a.voxels[i]) === label;
    const inB = Number(b.voxels[i]) === label;
    if (inA && inB) both++;
    either += Number(inA) + Number(inB);
  }
  return either === 0 ? 1 : (2 * both) / either;
}

function differingVoxels(a: Image, b: Image): number {
  let count = 0;
  for (let i = 0; i < a.voxels.length; i++) if (Number(a.voxels[i]) !== Number(b.voxels[i])) count++;
  return count;
}

const toLabelMap = ({ voxels, geometry }: Image): LabelMap => ({
  voxels: Uint8Array.from(voxels, Number),
  geometry,
});

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function fail(reason: string): never {
  process.stderr.write(`\n${reason}\n`);
  process.exit(1);
}

await showTheMainJob();
