import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { repositoryRoot } from "../../support/golden.js";
import { modelProgram } from "../../support/programs/package-programs.js";
import { runUserProgram } from "../../support/programs/user-program.js";

test("another program compiles against the package's types, converts a model and segments an image", () => {
  const folder = mkdtempSync(join(tmpdir(), "user-program-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const model = join(repositoryRoot, "test", "fixtures", "models", "labels_254");
  const report = runUserProgram({
    ...{ folder, packageFolder: repositoryRoot },
    program: modelProgram,
    args: [join(model, "model"), join(model, "input")],
  });
  expect(report).toEqual({
    models: 1,
    statuses: ["done"],
    kind: "converted",
    hasProgress: true,
    codes: [
      "MODEL_NOT_FOUND",
      "INTERRUPTED",
      "MODEL_NOT_FOUND",
      "INPUT_NOT_FOUND",
      "INPUT_NOT_FOUND",
      "INPUT_NOT_FOUND",
    ],
    // Without the sentence that names --model-dir.
    help: "A model is the folder that contains plans.json, dataset.json and fold_0, fold_1, …",
  });
});
