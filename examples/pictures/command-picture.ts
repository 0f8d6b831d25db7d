import { writtenName } from "../../src/cli/batch-commands.js";
import { commands } from "../../src/cli/command-table.js";
import { svgBox, svgPicture, svgText } from "./svg.js";

/** What people want, and the commands for it in the order in which they are typed. */
export const paths: readonly { readonly who: string; readonly commandNames: readonly string[] }[] = [
  { who: "I have a trained model and images, and want segmentations", commandNames: ["inspect", "predict"] },
  {
    who: "I submit to a challenge or to grand-challenge.org",
    commandNames: ["init", "build", "preflight", "simulate"],
  },
  { who: "I build images of many models in CI", commandNames: ["build", "preflight", "verify"] },
  {
    who: "I prepare the training of an nnU-Net",
    commandNames: [
      "dataset",
      "plot-overlays",
      "fingerprint",
      "plan",
      "preprocess",
      "training-image",
      "train",
      "trainings",
    ],
  },
  {
    who: "I compare models, and choose one",
    commandNames: ["evaluate", "evaluate-nvidia", "accumulate", "ensemble", "postprocess", "find-best"],
  },
  {
    who: "I pass a trained model on",
    commandNames: ["export-model", "import-model", "change-trainer", "move-plans"],
  },
  { who: "I run a service for a department", commandNames: ["serve"] },
  {
    who: "I have thousands of cases, and a server or a cluster",
    commandNames: [
      "batch-plan",
      "batch-run",
      "batch-slurm",
      "batch-k8s",
      "batch-queue-submit",
      "batch-worker",
      "batch-status",
      "batch-retry",
      "batch-cancel",
    ],
  },
  { who: "I have no trained model", commandNames: ["models", "build"] },
  { who: "I run networks in my own program", commandNames: ["convert"] },
  {
    who: "I prepare a machine or a closed network",
    commandNames: ["doctor", "benchmark", "base-image", "inference-engines"],
  },
];

/** Pixels for a character at a size of 13, a little above the average of each font. */
const monoWidth = 8;
const sansWidth = 7;

const longest = (texts: readonly string[]): number => Math.max(...texts.map(({ length }) => length));

const typed = (name: string): string =>
  name === "build" ? "build_processor" : `build_processor ${writtenName(name)}`;

/** Draws which commands are for whom, with each command's own description. */
export function commandPicture(): string {
  const names = paths.flatMap(({ commandNames }) => commandNames);
  const textX = 64 + monoWidth * longest(names.map(typed));
  const width = textX + sansWidth * longest(names.map((name) => commands[name]!.describe)) + 32;
  const parts: string[] = [];
  let y = 16;
  for (const { who, commandNames } of paths) {
    const height = 40 + 22 * commandNames.length;
    parts.push(
      svgBox({ x: 16, y, width: width - 32, height }, "#f6f8fa"),
      svgText(32, y + 24, who, { weight: "bold" }),
    );
    commandNames.forEach((name, i) => {
      const at = y + 48 + 22 * i;
      parts.push(
        svgText(40, at, typed(name), { font: "mono", size: 13 }),
        svgText(textX, at, commands[name]!.describe, { tone: "quiet", size: 13 }),
      );
    });
    y += height + 12;
  }
  return svgPicture("Which command is for whom", [width, y + 4], parts);
}
