import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readSpec } from "../../../../processor/runtime/service/models/read-spec.js";
import { temporaryFolder } from "../../../support/service/test-service.js";

const read = (text: string) => {
  const file = join(temporaryFolder(), "spec.yaml");
  writeFileSync(file, text);
  return readSpec(file, { modelFolder: null, faultsOfNvidia: () => [] });
};

const bomb = ["a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]", ..."bcdefgh"]
  .map((line, i) =>
    i === 0
      ? line
      : `${line}: &${line} [${Array(9)
          .fill(`*${"abcdefgh"[i - 1]}`)
          .join(", ")}]`,
  )
  .join("\n");

test.each([
  ["whose aliases make it very large", `model_folder: m\nmetadata: 1\n${bomb}\n`],
  ["with an alias of nothing", "model_folder: *nothing\nmodels: []\n"],
  [
    "with an alias in its own anchor",
    "model_folder: m\nmodels: [{id: a, rel_path: a, metadata: &m {x: *m}}]\n",
  ],
  ["with a tag that YAML does not know", "model_folder: !env MODELS\nmodels: [{id: a, rel_path: a}]\n"],
  ["nested ten thousand times", `models: ${"[".repeat(10_000)}\n`],
  ["nested ten thousand times as a block", `models:\n  ${"- ".repeat(10_000)}a\n`],
])("a file of models %s is refused", async (_, text) => {
  await expect(read(text)).rejects.toMatchObject({ code: "SPEC_INVALID" });
});
