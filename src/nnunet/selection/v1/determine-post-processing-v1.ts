import { join } from "node:path";
import { makeFolder } from "../../../../processor/files/make-folder.js";
import { writeFileWhole } from "../../../../processor/files/write-file.js";
import { singleLabel } from "../../evaluation/evaluated-label.js";
import { namesIn } from "../../files/names-in.js";
import { PythonFloat, type PythonJson, pythonJson } from "../../python-json.js";
import type { WorkSession } from "../../threads/for-each-case.js";
import type { Trial } from "../determine-post-processing.js";
import { stepOfV1 } from "../largest-components.js";
import { postProcessFiles } from "./apply-post-processing-v1.js";
import { type DiceOfLabels, meanForeground, type SummaryTexts, scoreOfV1 } from "./score-of-v1.js";

export interface DetermineOfV1Options extends WorkSession {
  /** The folder that gets postprocessing.json. */
  readonly folder: string;
  readonly referenceFolder: string;
  /** The names of the folders with the segmentations before and after post-processing. */
  readonly rawName: string;
  readonly finalName: string;
  /** The labels, of which 0 does not count. */
  readonly classes: readonly number[];
  readonly dicesBefore: DiceOfLabels;
  /** What else the summary of the final segmentations says. */
  readonly summaryTexts?: SummaryTexts;
}

export interface PostProcessingOfV1 {
  /** The labels of each step. */
  readonly steps: readonly (readonly number[])[];
  readonly trials: readonly Trial[];
  readonly file: string;
  readonly dicesAfter: DiceOfLabels;
}

/**
 * Decides as `nnUNet_determine_postprocessing` does which largest components to keep: all classes together if one gains and
 * none loses; then every class by itself, all of them in one pass, of which those stay that gain.
 *
 * @throws the errors of `scoreFolder`
 */
export async function determinePostProcessingOfV1(
  options: DetermineOfV1Options,
): Promise<PostProcessingOfV1> {
  const { folder, referenceFolder, rawName, finalName, dicesBefore } = options;
  const classes = options.classes.filter((label) => label !== 0);
  const raw = { folder: join(folder, rawName), referenceFolder, classes };
  const score = (steps: readonly (readonly number[])[]) => scoreOfV1(raw, steps.map(stepOfV1), options);
  const diceIn = (dices: DiceOfLabels, label: number): number => dices.get(String(label)) ?? Number.NaN;

  const together = (await score([classes])).dices;
  const isBetter =
    classes.some((label) => diceIn(together, label) > diceIn(dicesBefore, label)) &&
    !classes.some((label) => diceIn(together, label) < diceIn(dicesBefore, label));
  const steps: (readonly number[])[] = isBetter ? [classes] : [];
  const trials: Trial[] = [
    {
      label: null,
      diceBefore: meanForeground(dicesBefore),
      diceAfter: meanForeground(together),
      isAccepted: isBetter,
    },
  ];
  const start = isBetter ? together : dicesBefore;
  const single: DiceOfLabels =
    classes.length > 1 ? (await score([...steps, ...classes.map((label) => [label])])).dices : new Map();
  for (const label of classes.length > 1 ? classes : []) {
    const [diceBefore, diceAfter] = [diceIn(start, label), diceIn(single, label)];
    trials.push({ label: singleLabel(label), diceBefore, diceAfter, isAccepted: diceAfter > diceBefore });
    if (diceAfter > diceBefore) steps.push([label]);
  }

  const final = await score(steps);
  const finalFolder = join(folder, finalName);
  await makeFolder(finalFolder);
  const names = await namesIn(raw.folder, ".nii.gz");
  await postProcessFiles({
    inputFolder: raw.folder,
    outputFolder: finalFolder,
    names,
    steps: steps.map(stepOfV1),
    session: options,
  });
  const summary = final.summary({ ...options.summaryTexts, shownFolder: finalFolder });
  await writeFileWhole(join(finalFolder, "summary.json"), [Buffer.from(summary)]);
  const content: Record<string, PythonJson> = {
    dc_per_class_pp_all: dicesJson(together),
    dc_per_class_pp_per_class: dicesJson(single),
    dc_per_class_raw: dicesJson(new Map([...dicesBefore].filter(([label]) => label !== "0"))),
    for_which_classes: steps.map((labels, i) => (i === 0 && isBetter ? labels : labels[0]!)),
    min_valid_object_sizes: "None",
    num_samples: final.caseCount,
    validation_final: finalName,
    validation_raw: rawName,
  };
  const file = join(folder, "postprocessing.json");
  await writeFileWhole(file, [Buffer.from(pythonJson(content, { sortKeys: true }))]);
  return { steps, trials, file, dicesAfter: final.dices };
}

const dicesJson = (dices: DiceOfLabels): PythonJson =>
  new Map([...dices].map(([label, dice]) => [label, new PythonFloat(dice)]));
