import type { NetworkDescription } from "../convert/converted-networks.js";
import type { OnnxTensorInfo } from "../onnx/read-onnx.js";

/** Returns some lines for each network: what it is for, its versions, its weights, its input and output. */
export function networkLines(networks: readonly NetworkDescription[]): readonly string[] {
  const width = Math.max(...networks.map(({ file }) => file.length)) + 2;
  const texts = networks.map((network) => ({ file: network.file, tensors: tensorLines(network), network }));
  return texts.flatMap(({ file, tensors, network }, i) => {
    // The networks of all folds usually have the same inputs and outputs.
    const isSameAsNext = tensors.join() === texts[i + 1]?.tensors.join();
    const [first, ...others] = [...versionLines(network), ...(isSameAsNext ? [] : tensors)];
    return [`${file.padEnd(width)}${first}`, ...others.map((line) => `${"".padEnd(width)}${line}`)];
  });
}

function versionLines({
  form,
  folds,
  weightsFiles,
  opset,
  irVersion,
}: NetworkDescription): readonly string[] {
  const ofFolds = `${folds.length === 1 ? "fold" : "folds"} ${folds.join(", ")}`;
  return [
    `${ofFolds}, ${forms[form]} (opset ${opset}, IR version ${irVersion})`,
    ...(weightsFiles.length === 0 ? [] : [`weights: ${weightsFiles.join(", ")}`]),
  ];
}

const forms: Readonly<Record<NetworkDescription["form"], string>> = {
  plain: "as nnU-Net defines it, for every runtime",
  cpu: "rewritten for ONNX Runtime on CPUs",
  gpu: "rewritten for ONNX Runtime on NVIDIA GPUs, with mirroring, in float16",
  own: "your own file, unchanged",
};

const tensorLines = ({ inputs, outputs }: NetworkDescription): readonly string[] => [
  `input: ${inputs.map(tensorText).join(", ")}`,
  `output: ${outputs.map(tensorText).join(", ")}`,
];

function tensorText({ name, elementType, shape }: OnnxTensorInfo): string {
  const sizes = shape === null || shape.length === 0 ? "" : ` ${shape.map((size) => size || "?").join("×")}`;
  return `${name} (${elementType}${sizes})`;
}
