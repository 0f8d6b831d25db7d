/**
 * `npm run pictures`: draws the pictures of the documentation from real runs of the example model. Needs tmux,
 * Docker and Chromium, and takes some minutes.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { commandPicture } from "./command-picture.js";
import { imagePicture } from "./image-picture.js";
import { inputPicture } from "./input-picture.js";
import { pagePicture } from "./page-picture.js";
import { terminalPicture } from "./terminal-picture.js";
import { TerminalSession } from "./terminal-session.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");
const program = join(root, "dist", "build_processor.js");
const example = join(root, "examples", "brain-tissue");
const pictures = join(root, "docs", "images");

const desk = mkdtempSync(join(tmpdir(), "pictures-"));
try {
  layOut(desk);
  const terminal = new TerminalSession(desk, program);
  const build = terminal.run("build_processor --model-dir model --tag team/brain:1 --export");
  const preflight = terminal.run("build_processor preflight team-brain-1.tar.gz");
  const simulate = terminal.run("build_processor simulate team/brain:1 -i cases --expect expected");
  terminal.close();
  save("terminal.svg", terminalPicture([...build, "", ...preflight, "", ...simulate]));
  const parts = new TerminalSession(desk, program);
  parts.run("build_processor --model-dir model --tag layers --builder embedded --export");
  parts.run("build_processor convert --model-dir model -o onnx");
  parts.close();
  const [model, archive, onnx] = ["model", "layers-latest.tar.gz", "onnx"].map((name) => join(desk, name));
  save("checkpoint-to-image.svg", imagePicture(model!, archive!, onnx!));
  save("input-layout.svg", await inputPicture(join(desk, "cases")));
  save("commands.svg", commandPicture());
  const image = join(example, "input", "brain_010_0000.nii.gz");
  save("web-page.png", await pagePicture({ program, example, image, folder: join(desk, "service") }));
} finally {
  rmSync(desk, { recursive: true, force: true });
}

/** Copies the example's model, case and expected answer, and adds the platform to config.json. */
function layOut(folder: string): void {
  cpSync(join(example, "model"), join(folder, "model"), { recursive: true });
  cpSync(join(example, "input"), join(folder, "cases"), { recursive: true });
  cpSync(join(example, "expected"), join(folder, "expected"), { recursive: true });
  const config = JSON.parse(readFileSync(join(example, "config.json"), "utf8")) as object;
  const platform = { target: "grand-challenge", grand_challenge: { output: "brain-tissue-segmentation" } };
  writeFileSync(join(folder, "config.json"), JSON.stringify({ ...config, ...platform }, null, 2));
}

function save(name: string, picture: string | Buffer): void {
  writeFileSync(join(pictures, name), picture);
  process.stdout.write(`docs/images/${name}\n`);
}
