import { expect, test } from "vitest";
import { withServeNames } from "../../../src/predict/nnunet-serve/serve-names.js";

test.each([
  ["--series UID chooses one.", "--series_uid UID chooses one."],
  ["--irregular-slices average reads it.", "--irregular_slices average reads it."],
  ["Pass it with --model-dir.", "Pass it with --model_path."],
  [
    "`--device` cpu needs none; --overwrite is another.",
    "`--device` cpu needs none; --overwrite is another.",
  ],
  ["Run `build_processor build --model-dir DIR`.", "Run `build_processor build --model-dir DIR`."],
])("a remedy has the names of nnunet_serve's options: %s", (help, named) => {
  expect(withServeNames(help)).toBe(named);
});
