import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { engineEvents } from "../../../src/docker/engine-events.js";
import { testEngine } from "../docker/docker.js";

/** A fault that an image has on purpose. */
export type Fault =
  | "remembers-first-case"
  | "ignores-sigterm"
  | "answers-200"
  | "redirects"
  | "never-ready"
  | "exits"
  | "breaks-output"
  | "breaks-log"
  | "takes-memory";

/** A server with grand-challenge's interface that labels every voxel above the mean. The image's environment names its faults. */
const server = `
import { createServer } from "node:http";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { readImage } from "/opt/nnunet-processor/processor/imaging/formats/read-image.js";
import { writeImage } from "/opt/nnunet-processor/processor/imaging/formats/write-image.js";
const faults = (process.env.FAULTS ?? "").split(",");
const has = (fault) => faults.includes(fault);
let first = null;
const segment = async () => {
  const [value] = JSON.parse(readFileSync("/input/inputs.json", "utf8"));
  const { slug } = value.socket ?? value.interface;
  const folder = "/input/images/" + slug;
  const image = await readImage(folder + "/" + readdirSync(folder)[0]);
  const used = has("remembers-first-case") ? (first ??= image) : image;
  const mean = used.voxels.reduce((sum, voxel) => sum + voxel, 0) / used.voxels.length;
  const broken = has("breaks-output");
  const voxels = (broken ? Uint16Array : Uint8Array).from(used.voxels, (voxel) => (voxel > mean ? (broken ? 9 : 1) : 0));
  const geometry = broken ? { ...used.geometry, originMmXyz: [1, 2, 3] } : used.geometry;
  const source = broken ? { path: "", format: "nifti", nifti: null } : used.source;
  mkdirSync("/output/images/organ", { recursive: true });
  await writeImage({ voxels, components: 1, geometry, source }, "/output/images/organ/answer.mha");
  writeFileSync("/output/volumes.json", broken ? '{"organ": NaN}' : '{"organ": 1}');
  if (!broken) return;
  writeFileSync("/output/images/organ/second.mha", readFileSync("/output/images/organ/answer.mha"));
  symlinkSync("/etc/passwd", "/output/link");
};
const invoke = async (response) => {
  if (has("exits")) { console.error("the model is broken"); process.exit(3); }
  if (has("takes-memory")) { globalThis.kept = Buffer.alloc(900 * 1024 * 1024, 1); }
  try {
    await segment();
    response.writeHead(has("answers-200") ? 200 : 201).end();
  } catch (error) {
    console.error(error.stack);
    response.writeHead(500).end();
  }
};
if (has("breaks-log")) process.stdout.write(Buffer.concat([Buffer.from("x".repeat(70000)), Buffer.from("\\n")]));
process.on("SIGTERM", () => { if (!has("ignores-sigterm")) process.exit(0); });
createServer((request, response) => {
  if (request.url === "/health") {
    if (has("redirects")) response.writeHead(302, { location: "/health/" }).end();
    else response.writeHead(200).end();
  } else if (request.method === "POST" && request.url === "/invoke") void invoke(response);
  else response.writeHead(404).end();
}).listen(has("never-ready") ? 4744 : 4743, () => console.log("ready"));
if (has("never-ready")) setTimeout(() => process.exit(7), 2000);
`;

/** A program with AMOS22's interface that labels every voxel above 0. */
const inference = `
import { existsSync, readdirSync } from "node:fs";
import { readImage } from "/opt/nnunet-processor/processor/imaging/formats/read-image.js";
import { writeImage } from "/opt/nnunet-processor/processor/imaging/formats/write-image.js";
const root = existsSync("/workspace/input") ? "/workspace" : "";
for (const name of readdirSync(root + "/input")) {
  const image = await readImage(root + "/input/" + name);
  const voxels = Uint8Array.from(image.voxels, (voxel) => (voxel > 0 ? 1 : 0));
  const found = process.env.FAULTS === "own-names" ? name.slice(0, 8) + ".nii.gz" : name;
  await writeImage({ ...image, voxels }, root + "/output/" + found);
}
`;

/** Builds an image in which `python run_inference.py` works; its Python is a script that starts Node. */
export async function buildTeamImage(options: {
  readonly from: string;
  readonly imageName: string;
  readonly scratch: string;
  /** `own-names` cuts the names of the answers after eight characters. */
  readonly fault?: "own-names";
}): Promise<void> {
  const { from, imageName, scratch, fault = "" } = options;
  const files = {
    python: '#!/bin/sh\nexec /usr/local/bin/node "$@"\n',
    "run_inference.mjs": inference,
    "run_inference.py": 'import("./run_inference.mjs");\n',
  };
  await build({ imageName, scratch, files }, [
    `FROM ${from}`,
    "COPY python /usr/local/bin/python",
    "COPY run_inference.py run_inference.mjs /workspace/",
    "WORKDIR /workspace",
    `ENV FAULTS="${fault}"`,
    "ENTRYPOINT []",
  ]);
}

export interface ServerImage {
  /** The processor's image, whose Node and image reader are used. */
  readonly from: string;
  readonly imageName: string;
  readonly scratch: string;
  readonly faults?: readonly Fault[];
}

/** Builds an image that serves `invoke` and declares that in its labels. */
export async function buildServerImage(options: ServerImage): Promise<void> {
  const { from, imageName, scratch, faults = [] } = options;
  await build({ imageName, scratch, files: { "server.mjs": server } }, [
    `FROM ${from}`,
    "COPY server.mjs /opt/server.mjs",
    `ENV FAULTS="${faults.join(",")}"`,
    "LABEL org.grand-challenge.api-method=invoke",
    'ENTRYPOINT ["/usr/local/bin/node", "/opt/server.mjs"]',
  ]);
}

interface BuildContext {
  readonly imageName: string;
  readonly scratch: string;
  readonly files: Readonly<Record<string, string>>;
}

async function build(
  { imageName, scratch, files }: BuildContext,
  dockerfile: readonly string[],
): Promise<void> {
  const context = join(scratch, imageName.replace(/\W/g, "-"));
  mkdirSync(context);
  const all = { ...files, Dockerfile: `${dockerfile.join("\n")}\n` };
  for (const [name, text] of Object.entries(all)) writeFileSync(join(context, name), text, { mode: 0o755 });
  const answer = await testEngine().docker.buildImage({ context, src: Object.keys(all) }, { t: imageName });
  for await (const { error } of engineEvents(answer as AsyncIterable<Buffer>))
    if (error !== undefined) throw new Error(error);
}
