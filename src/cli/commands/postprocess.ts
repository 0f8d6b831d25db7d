import { join, resolve } from "node:path";
import type { InferredOptionTypes } from "yargs";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { exists } from "../../../processor/files/exists.js";
import { removeFolder } from "../../../processor/files/remove-folder.js";
import { namesIn } from "../../nnunet/files/names-in.js";
import { applyPostProcessing } from "../../nnunet/selection/apply-post-processing.js";
import { determinePostProcessing } from "../../nnunet/selection/determine-post-processing.js";
import { type LabelRules, readLabelRulesOf } from "../../nnunet/selection/label-rules.js";
import { applyPostProcessingOfV1 } from "../../nnunet/selection/v1/apply-post-processing-v1.js";
import { consolidateFolds, finalName } from "../../nnunet/selection/v1/consolidate-folds.js";
import type { CommandSession } from "../command-session.js";
import { foldsOf } from "../folds-of.js";
import { jsonText } from "../json-text.js";
import type { postprocessOptions } from "../options/selection-options.js";
import { trialsText } from "../trials-text.js";

type PostprocessArguments = InferredOptionTypes<typeof postprocessOptions> & {
  readonly action: "determine" | "apply";
};

/** `build_processor postprocess determine | apply`. */
export async function runPostprocess(args: PostprocessArguments, session: CommandSession): Promise<number> {
  const place = (path: string): string => resolve(session.currentDirectory, path);
  const folder = place(args.input);
  if (args.nnunet === "v1")
    return args.action === "determine"
      ? runDetermineOfV1(args, session, folder)
      : runApply(args, session, { folder, rules: null });
  // Reports a wrong path before anything that would be missing in it.
  await namesIn(folder, "");
  const given = (path: string | undefined): string | null => (path === undefined ? null : place(path));
  const rules = await rulesOf(folder, {
    datasetJson: given(args["dataset-json"]),
    plansJson: given(args["plans-json"]),
  });
  return args.action === "determine"
    ? runDetermine(args, session, { folder, rules })
    : runApply(args, session, { folder, rules });
}

interface Predictions {
  readonly folder: string;
  readonly rules: LabelRules;
}

/** Reads the two files where the user or the folder has them. An average of `ensemble` has no plans of its own. */
async function rulesOf(
  folder: string,
  given: { readonly datasetJson: string | null; readonly plansJson: string | null },
): Promise<LabelRules> {
  const datasetJson = given.datasetJson ?? join(folder, "dataset.json");
  if (given.datasetJson === null && !(await exists(datasetJson)))
    throw sharedError("INPUT_NOT_FOUND", `${datasetJson} does not exist; --dataset-json names another`);
  const plansJson = given.plansJson ?? join(folder, "plans.json");
  const hasPlans = given.plansJson !== null || (await exists(plansJson));
  return readLabelRulesOf({ datasetJson, plansJson: hasPlans ? plansJson : null });
}

async function runDetermine(
  args: PostprocessArguments,
  { terminal, currentDirectory, progress, signal }: CommandSession,
  { folder, rules }: Predictions,
): Promise<number> {
  if (args.references === undefined)
    throw sharedError(
      "USAGE",
      "postprocess determine needs --references, the folder with the right segmentations",
    );
  const found = await determinePostProcessing({
    folder,
    referenceFolder: resolve(currentDirectory, args.references),
    rules,
    progress,
    signal,
  });
  if (args["remove-postprocessed"]) await removeFolder(join(folder, "postprocessed"));
  if (found.missing.length > 0)
    progress.note(
      `${found.missing.length} references have no prediction; post-processing should be decided on the whole data set`,
    );
  const file = join(folder, "postprocessing.json");
  const steps = found.steps.map(({ labels }) => labels);
  terminal.out(args.json ? jsonText({ file, steps }) : `${trialsText(found)}written    ${file}\n`);
  return 0;
}

async function runDetermineOfV1(
  args: PostprocessArguments,
  { terminal, progress, signal }: CommandSession,
  modelFolder: string,
): Promise<number> {
  const { postProcessing } = await consolidateFolds({
    modelFolder,
    folds: foldsOf(args.folds),
    validationName: args["validation-folder"],
    progress,
    signal,
  });
  if (args["remove-postprocessed"]) await removeFolder(join(modelFolder, finalName));
  const { file, steps } = postProcessing;
  terminal.out(args.json ? jsonText({ file, steps }) : `${trialsText(postProcessing)}written    ${file}\n`);
  return 0;
}

async function runApply(
  args: PostprocessArguments,
  { terminal, currentDirectory, progress, signal }: CommandSession,
  { folder, rules }: { readonly folder: string; readonly rules: LabelRules | null },
): Promise<number> {
  if (args["post-processing"] === undefined || args.output === undefined)
    throw sharedError("USAGE", "postprocess apply needs --post-processing and --output");
  const outputFolder = resolve(currentDirectory, args.output);
  if (outputFolder === folder)
    throw sharedError("OUTPUT_EXISTS", `${outputFolder} is the input folder; results would replace it`);
  const common = {
    inputFolder: folder,
    outputFolder,
    postProcessingFile: resolve(currentDirectory, args["post-processing"]),
    progress,
    signal,
  };
  const cases =
    rules === null ? await applyPostProcessingOfV1(common) : await applyPostProcessing({ ...common, rules });
  terminal.out(args.json ? jsonText({ outputFolder, cases }) : `${cases} cases  ${outputFolder}\n`);
  return 0;
}
