import { cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { silentProgress } from "../../../processor/contract/progress/progress.js";
import { main } from "../../../src/cli/main.js";
import { trainedModels } from "../../../src/models/obtain-models.js";
import { goldenPath } from "../../support/golden.js";
import { neverStopped } from "../../support/never-stopped.js";
import { testTerminal } from "../../support/programs/test-terminal.js";

const plans = "nnUNetPlansv2.1";
const task = "Task601_EnsembleWins";
const second = `3d_cascade_fullres/${task}/nnUNetTrainerV2CascadeFullRes__${plans}`;
const firstOf = (trainer: string): string => `3d_lowres/${task}/${trainer}__${plans}`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "previous-stage-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const results = (...parts: readonly string[]): string => join(folder, "RESULTS_FOLDER", "nnUNet", ...parts);

/** Copies the only fold of a golden model to several folds. */
function train(model: string, golden: string, folds: readonly number[]): void {
  const trained = goldenPath("v1", golden, "model");
  cpSync(join(trained, "plans.pkl"), results(model, "plans.pkl"));
  for (const fold of folds)
    for (const name of ["model_final_checkpoint.model", "model_final_checkpoint.model.pkl"])
      cpSync(join(trained, "fold_0", name), results(model, `fold_${fold}`, name));
}

const foldsOfFirstStage = async (
  folds: readonly string[],
  previousStage: string | null,
): Promise<readonly string[] | undefined> => {
  const { members } = await trainedModels(
    {
      members: [
        {
          modelDir: results(second),
          ...{ taskId: null, taskName: null, configuration: null, checkpointName: null, nvidia: null },
          folds,
        },
      ],
      onnxFiles: null,
      previousStage,
      needsPreviousStage: true,
      postProcessing: { kind: "none" },
    },
    {
      currentDirectory: folder,
      environment: { XDG_CACHE_HOME: join(folder, "cache") },
      lockFile: join(folder, "processor.lock.json"),
      progress: silentProgress,
      signal: neverStopped(),
    },
  );
  return members[0].previousStage?.folds.map(({ fold }) => fold);
};

describe("the first stage of a cascade", () => {
  test("has the folds that were asked for, also if it is named", async () => {
    train(second, "cascade_3d_cascade_fullres", [0, 1]);
    train(firstOf("nnUNetTrainerV2"), "cascade_3d_lowres", [0, 1, 2]);
    const named = results(firstOf("nnUNetTrainerV2"));
    expect(await foldsOfFirstStage(["1"], null)).toEqual(["1"]);
    expect(await foldsOfFirstStage(["1"], named)).toEqual(["1"]);
    expect(await foldsOfFirstStage([], named)).toEqual(["0", "1", "2"]);
  });

  test("is refused by the fold that was asked for and that it lacks", async () => {
    train(second, "cascade_3d_cascade_fullres", [0, 1]);
    train(firstOf("nnUNetTrainerV2"), "cascade_3d_lowres", [0]);
    await expect(foldsOfFirstStage(["1"], results(firstOf("nnUNetTrainerV2")))).rejects.toMatchObject({
      code: "FOLD_MISSING",
    });
  });

  test("must be named if v1 has trained several, none of them with its default trainer", async () => {
    train(second, "cascade_3d_cascade_fullres", [0]);
    for (const trainer of ["nnUNetTrainerV2_B", "nnUNetTrainerV2_A"])
      train(firstOf(trainer), "cascade_3d_lowres", [0]);
    await expect(foldsOfFirstStage([], null)).rejects.toMatchObject({
      code: "PREVIOUS_STAGE_UNKNOWN",
      message: expect.stringContaining(
        `there are several: nnUNetTrainerV2_A__${plans}, nnUNetTrainerV2_B__${plans}`,
      ),
    });
  });
});

describe("v1's find-best with a cascade", () => {
  /** Gives the golden cascade the cross-validation of other golden models. */
  function arrange(trainer: string): void {
    cpSync(goldenPath("tools", "selection-v1", "EnsembleWins", "in"), folder, { recursive: true });
    const old = (configuration: string): string => results(configuration, task, `nnUNetTrainerV2__${plans}`);
    for (const path of ["3d_lowres", "3d_cascade_fullres"])
      mkdirSync(results(path, task), { recursive: true });
    renameSync(old("2d"), results(firstOf(trainer)));
    renameSync(old("3d_fullres"), results(second));
    const folds = [0, 1, 2, 3, 4];
    train(second, "cascade_3d_cascade_fullres", folds);
    train(firstOf(trainer), "cascade_3d_lowres", folds);
  }

  const configWith = async (trainer: string): Promise<object> => {
    const environment = {
      RESULTS_FOLDER: join(folder, "RESULTS_FOLDER"),
      nnUNet_preprocessed: join(folder, "nnUNet_preprocessed"),
    };
    const terminal = { ...testTerminal(folder), environment };
    const models = ["-c", "3d_lowres", "3d_cascade_fullres", "--trainer", trainer, "--no-ensembles"];
    const argv = ["find-best", "--nnunet", "v1", "601", ...models, "--write-config", "config.json"];
    expect(await main(argv, terminal), terminal.printed.err).toBe(0);
    return JSON.parse(readFileSync(join(folder, "config.json"), "utf8")) as object;
  };

  test("names the first stage of the trainer that v1's own command for the prediction names", async () => {
    arrange("nnUNetTrainerV2_Loss");
    train(firstOf("nnUNetTrainerV2"), "cascade_3d_lowres", [0]);
    expect(await configWith("nnUNetTrainerV2_Loss")).toMatchObject({
      configuration: "3d_cascade_fullres",
      previous_stage: `RESULTS_FOLDER/nnUNet/${firstOf("nnUNetTrainerV2_Loss")}`,
    });
    const commands = results("ensembles", task, "prediction_commands.txt");
    expect(readFileSync(commands, "utf8")).toMatch(/-tr nnUNetTrainerV2_Loss .*-m 3d_cascade_fullres/);
  });

  test("leaves the default trainer's to be found", async () => {
    arrange("nnUNetTrainerV2");
    expect(await configWith("nnUNetTrainerV2")).not.toHaveProperty("previous_stage");
  });
});
