/**
 * `npm start`: builds a processor image from the example's trained nnU-Net, segments a brain MRI with it, and compares the
 * answer with nnU-Net's own.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { ProcessorError } from "../processor/contract/errors.js";
import { readImage } from "../processor/imaging/formats/read-image.js";
import type { Image } from "../processor/imaging/volume/image.js";
import type { LabelMap } from "../processor/imaging/volume/label-map.js";
import { wrappedForTerminal } from "../src/cli/findings-text.js";
import { main } from "../src/cli/main.js";
import { connectEngine } from "../src/docker/engine.js";
import { labelColours, overlayPicture } from "./overlay-picture.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const example = join(root, "examples", "brain-tissue");
const out = join(root, "out", "example");
const caseName = "brain_010";
const tag = "nnunet-processor/brain-tissue:example";

async function showTheMainJob(): Promise<void> {
  say("nnunet-processor: a trained nnU-Net becomes an image without Python\n");
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const engine = await answeringEngine();
  say(
    engine === null
      ? "No Docker is running: the image is written to an archive, and the same processor runs in Node.\n"
      : `The image is built and run with ${engine}.\n`,
  );
  await compareWithNnunet(engine === null ? await segmentWithoutEngine() : await segmentInContainer());
}

/** Describes the Docker engine; null if none answers. */
async function answeringEngine(): Promise<string | null> {
  try {
    return (await connectEngine(process.env, new AbortController().signal)).description;
  } catch (error) {
    if (error instanceof ProcessorError) return null;
    throw error;
  }
}

/** Builds the image, runs it without a network and read-only, as a hospital would, and returns the segmentation. */
async function segmentInContainer(): Promise<string> {
  await step("build_processor", [
    ...["--config-file", join(example, "config.json"), "--model-dir", join(example, "model"), "--tag", tag],
    ...["--build-dir", join(out, "build")],
  ]);
  // Docker would make a missing folder as root, but the container runs as this user.
  const mounted = join(out, "container-output");
  mkdirSync(mounted, { recursive: true });
  const isolation = ["--network", "none", "--read-only", "--tmpfs", "/tmp"];
  const input = join(example, "input");
  say("");
  sayCommand([
    ...["docker run --rm", "--network none", "--read-only", "--tmpfs /tmp", '--user "$(id -u):$(id -g)"'],
    ...[`-v "$PWD/${shown(input)}:/input:ro"`, `-v "$PWD/${shown(mounted)}:/output"`, tag],
  ]);
  const user = `${process.getuid?.() ?? 1000}:${process.getgid?.() ?? 1000}`;
  const volumes = ["-v", `${input}:/input:ro`, "-v", `${mounted}:/output`];
  const run = ["run", "--rm", ...isolation, "--user", user, ...volumes, tag];
  const { status, signal } = spawnSync("docker", run, { stdio: "inherit" });
  requireSuccess("docker run", signal === "SIGINT" ? interrupted : (status ?? 1));
  return join(mounted, "images", `${caseName}_0000.nii.gz`);
}

/** Writes the image to an archive, runs the same processor directly in Node, and returns the segmentation. */
async function segmentWithoutEngine(): Promise<string> {
  const build = [
    ...["--config-file", join(example, "config.json"), "--model-dir", join(example, "model"), "--tag", tag],
    ...["--build-dir", join(out, "build")],
  ];
  const folder = shown(out);
  process.chdir(out); // an archive is written to the current folder
  const words = [...build, "--builder", "embedded", "--export"];
  say(`$ cd ${folder}`);
  sayCommand(["npx --no-install build_processor", ...withValues(words)]);
  const code = await main(words);
  if (code === interrupted) process.exit(code);
  if (code !== 0) {
    say(
      "\nDebian's packages are out of reach here: the build stops at the context that `docker build` takes.\n",
    );
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
  sayHowToOpenThePage();
}

/** Names the command that serves the example to a browser. Its paths are relative to the clone. */
function sayHowToOpenThePage(): void {
  say(
    "\nTo drop a scan on a web page and see the result there, run this and open the address that it prints:",
  );
  if (process.cwd() !== root) say(`$ cd ${root}`);
  const spec = relative(root, join(example, "model-serve-spec.yaml"));
  sayCommand(["npx --no-install build_processor serve", `--spec ${spec}`]);
}

async function step(program: string, args: readonly string[]): Promise<void> {
  sayCommand([`npx --no-install ${program}`, ...withValues(args)]);
  requireSuccess(program, await main(args));
}

/** The exit code after Ctrl-C. The program that was stopped has printed a message already. */
const interrupted = 130;

function requireSuccess(program: string, code: number): void {
  if (code === interrupted) process.exit(code);
  if (code !== 0) fail(`${program} exited with ${code}`);
}

/** Makes a path in the clone relative to the current folder, so that a printed line can be pasted. */
function shown(argument: string): string {
  return argument.startsWith(`${root}/`) ? relative(process.cwd(), argument) : argument;
}

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

/** Returns each flag as one text with its value. */
function withValues(args: readonly string[]): readonly string[] {
  const parts: string[] = [];
  for (const word of args.map(shown)) {
    if (word.startsWith("-") || !/^-\S+$/.test(parts.at(-1) ?? "")) parts.push(word);
    else parts[parts.length - 1] += ` ${word}`;
  }
  return parts;
}

/** Prints a command to paste, broken between its parts into lines of at most 80 columns. */
function sayCommand(parts: readonly string[]): void {
  const lines = ["$"];
  for (const part of parts) {
    const longer = `${lines.at(-1)} ${part}`;
    if (longer.length <= 76) lines[lines.length - 1] = longer;
    else lines.push(`    ${part}`);
  }
  process.stdout.write(`${lines.join(" \\\n")}\n`);
}

function say(text: string): void {
  process.stdout.write(`${wrappedForTerminal(text, process.stdout.columns ?? 80)}\n`);
}

function fail(reason: string): never {
  process.stderr.write(`\n${reason}\n`);
  process.exit(1);
}

await showTheMainJob();
