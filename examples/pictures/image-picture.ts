import { execFileSync } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { svgArrow, svgCard, svgPicture, svgText } from "./svg.js";

/** The contents of each layer of an image that `build_processor` has built, from the bottom up. */
const contents: Readonly<Record<string, string>> = {
  base: "Debian's C and C++ libraries",
  root: "folders, user 1000",
  node: "Node",
  libraries: "ONNX Runtime",
  openvino: "OpenVINO, for CPUs",
  processor: "the processor, TypeScript as JavaScript",
  dicom: "decoders for DICOM images",
  service: "the service over HTTP",
  page: "the service's web page",
  hooks: "your own code before and after",
  target: "the platform that it is for",
  manifest: "settings, labels, paths",
};

interface ArchiveLayer {
  readonly name: string;
  readonly bytes: number;
}

/** Draws how the checkpoints of a model folder have become the layers of an archive, with the sizes of both. */
export function imagePicture(modelFolder: string, archive: string, onnxFolder: string): string {
  const layers = layersOf(archive).toReversed();
  const layerHeight = 34;
  const top = 64;
  const height = top + layers.length * layerHeight + 56;
  const middle = top + (layers.length * layerHeight) / 2;
  const [width, left] = [330, 560];
  const total = layers.reduce((sum, { bytes }) => sum + bytes, 0);
  const card = (x: number, title: string, lines: readonly string[]): string =>
    svgCard({ x, y: middle - 45, width: 200, height: 90 }, "#ddf4ff", title, lines);
  return svgPicture(
    "From the checkpoint to the layers of the image",
    [left + width + 24, height],
    [
      card(24, "checkpoint_final.pth", [
        `PyTorch, ${megabytes(sizeOf(modelFolder, /\.pth$/))}`,
        "weights and training state",
      ]),
      svgArrow([224, middle], [286, middle]),
      svgText(255, middle - 10, "no Python", { anchor: "middle", tone: "quiet", size: 11 }),
      card(290, "fold_0.onnx", [
        `ONNX, ${megabytes(sizeOf(onnxFolder, /^fold_.*\.(onnx|weights)$/))}`,
        "the same weights, float32",
      ]),
      svgArrow([490, middle], [left - 4, middle]),
      svgText(left + width / 2, top - 36, "image, layer by layer", { anchor: "middle", weight: "bold" }),
      svgText(left + width / 2, top - 16, "what changes often is on top", {
        anchor: "middle",
        tone: "quiet",
        size: 12,
      }),
      ...layers.map(({ name, bytes }, i) => layerRow(left, top + i * layerHeight, width, { name, bytes })),
      svgText(left + width / 2, height - 24, `${megabytes(total)} as exported`, {
        anchor: "middle",
        weight: "bold",
      }),
    ],
  );
}

function layerRow(x: number, y: number, width: number, { name, bytes }: ArchiveLayer): string {
  const fill = name.startsWith("fold_") ? "#ddf4ff" : "#f6f8fa";
  const what = contents[name] ?? (name.startsWith("fold_") ? `weights of fold ${name.slice(5)}` : name);
  return [
    `<rect x="${x}" y="${y}" width="${width}" height="30" rx="4" fill="${fill}" stroke="#8c959f"/>`,
    svgText(x + 12, y + 20, what, { size: 13 }),
    svgText(x + width - 12, y + 20, megabytes(bytes), { anchor: "end", tone: "quiet", size: 12 }),
  ].join("\n");
}

/** Returns the layers from the bottom up, with the names that the builder wrote into the image's history. */
function layersOf(archive: string): readonly ArchiveLayer[] {
  const read = (file: string): unknown =>
    JSON.parse(execFileSync("tar", ["-xOf", archive, file], { encoding: "utf8", maxBuffer: 1 << 24 }));
  const [entry] = read("manifest.json") as [{ readonly Config: string; readonly Layers: readonly string[] }];
  const { history } = read(entry.Config) as { readonly history: readonly { readonly created_by: string }[] };
  const sizes = new Map(
    execFileSync("tar", ["-tvf", archive], { encoding: "utf8" })
      .split("\n")
      .map((line) => line.split(/\s+/))
      .map((words) => [words.at(-1)!, Number(words[2])]),
  );
  return entry.Layers.map((path, i) => ({
    name: history[i]!.created_by.split(" ").at(-1)!,
    bytes: sizes.get(path)!,
  }));
}

const sizeOf = (folder: string, name: RegExp): number =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => name.test(file))
    .reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);

const megabytes = (bytes: number): string =>
  bytes < 1e5 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
