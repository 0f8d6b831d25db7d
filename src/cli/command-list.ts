import { wrapped } from "./findings-text.js";

/** The commands of `build_processor --help`, by what people want to do, in the order in which they are typed. */
export const commandGroups: Readonly<Record<string, readonly string[]>> = {
  "Segment images": ["predict", "batch", "serve", "predict-nnunet-serve"],
  "Build an image (without a command), and try it": ["init", "preflight", "simulate", "verify", "base-image"],
  "Look at models, get and convert them": [
    "benchmark",
    "inspect",
    "models",
    "convert",
    "export-model",
    "import-model",
    "change-trainer",
  ],
  "Prepare data and train with nnU-Net": [
    "dataset",
    "plot-overlays",
    "fingerprint",
    "plan",
    "move-plans",
    "preprocess",
    "training-image",
    "train",
    "trainings",
  ],
  "Score segmentations, and choose a model": [
    "evaluate",
    "evaluate-nvidia",
    "accumulate",
    "ensemble",
    "postprocess",
    "find-best",
  ],
  "Set up this machine": ["doctor", "inference-engines", "completion", "help"],
};

const indent = 24;

/**
 * Returns the list of all commands in groups, at most `columns` wide.
 *
 * @param describe returns what a command does, in a few words
 */
export function commandList(describe: (name: string) => string, columns: number): string {
  const row = (name: string): string => {
    const [first = "", ...rest] = wrapped(describe(name), indent, { hasColour: true, columns });
    return [`  ${name}`.padEnd(indent) + first, ...rest.map((line) => " ".repeat(indent) + line)].join("\n");
  };
  return Object.entries(commandGroups)
    .map(([title, names]) => `${title}:\n${names.map(row).join("\n")}`)
    .join("\n\n");
}
