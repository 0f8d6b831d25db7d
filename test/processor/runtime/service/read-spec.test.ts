import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { findModels } from "../../../../processor/runtime/service/models/find-models.js";
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

test("all faults of a file of models are reported at once, each with the nearest known key", async () => {
  const text = [
    "model_folders: /models",
    "load_timeout_min: 0",
    "models:",
    "  - {rel_path: a}",
    "  - {id: b}",
    "  - {id: c, rel_path: c, totalseg_task: total}",
    "  - {id: d, rel_path: d, metdata: x, aliases: one, min_mem: -1}",
    "  - {id: e, rel_path: e, default_args: {use_fold: [0], proba_threshold: 2}}",
    "  - {id: f, rel_path: f, aliases: [b]}",
    "  - just a text",
  ].join("\n");
  const error = (await read(text).catch((thrown: unknown) => thrown)) as Error;
  expect(error).toMatchObject({ code: "SPEC_INVALID", exitCode: 2 });
  for (const fault of [
    "model_folders is not a known key; did you mean model_folder?",
    "model_folder is missing",
    "load_timeout_min must be a number of minutes above 0",
    "models[0].id is missing",
    "models[1] needs one of rel_path",
    "models[2] may have only one of rel_path and totalseg_task",
    "models[3].metdata is not a known key; did you mean metadata?",
    "models[3].aliases must be a list of texts",
    "models[3].min_mem must be a number of MiB",
    "models[4].default_args.use_fold is not a known field; did you mean use_folds?",
    "models[4].default_args.proba_threshold",
    "b names two models: b and f",
    "models[6] must be a mapping with id and one of",
  ])
    expect(error.message).toContain(fault);
});

test.each([
  ["no mapping", "- a\n", "it must be a mapping with model_folder and models"],
  ["an empty list", "model_folder: m\nmodels: []\n", "models is missing: a list with at least one model"],
  ["a key twice", "model_folder: m\nmodel_folder: n\nmodels: [{id: a, rel_path: a}]\n", "unique"],
])("a file of models with %s is refused", async (_, text, fault) => {
  await expect(read(text)).rejects.toMatchObject({
    code: "SPEC_INVALID",
    message: expect.stringContaining(fault),
  });
});

test("a file of models that does not exist is named", async () => {
  const path = join(temporaryFolder(), "none.yaml");
  await expect(readSpec(path, { modelFolder: null, faultsOfNvidia: () => [] })).rejects.toMatchObject({
    code: "SPEC_INVALID",
    exitCode: 2,
    message: expect.stringContaining(path),
  });
});

test("what an entry leaves out has nnunet_serve's defaults, and a misplaced tta is a warning", async () => {
  const { models, warnings, loadTimeoutMin } = await read(
    "model_folder: m\nmodels:\n  - {id: a, rel_path: b.c, tta: true}\n  - {id: t, totalseg_task: total_fast}\n",
  );
  expect(models).toMatchObject([
    { id: "a", name: "a", relPath: "b.c", minMemoryMib: 4000, aliases: [], defaultArgs: {} },
    { id: "t", name: "totalseg_total_fast", relPath: null },
  ]);
  expect(warnings).toEqual(["models[0].tta has no effect; it belongs in default_args"]);
  expect(loadTimeoutMin).toBe(60);
});

/** Makes folders of models that have nothing but a fold and labels. */
function trained(root: string, ...places: readonly string[]): void {
  for (const place of places) {
    mkdirSync(join(root, place, "fold_0"), { recursive: true });
    const dataset = { labels: { background: 0, organ: 1 }, channel_names: { 0: "CT" } };
    writeFileSync(join(root, place, "dataset.json"), JSON.stringify(dataset));
  }
}

test("a model is found by literal text in its path, not by a pattern, and not in what macOS adds to archives", async () => {
  const root = temporaryFolder();
  trained(root, "axc/model", "a.c/model", "__MACOSX/a.c/model");
  const [model] = await findModels(
    await read(`model_folder: ${root}\nmodels: [{id: a, rel_path: a.c}, {id: b, rel_path: none}]\n`),
  );
  expect(model).toMatchObject({ path: join(root, "a.c/model"), error: null });
});

test("a model without files is there with the reason, and one that two folders match stops the start", async () => {
  const root = temporaryFolder();
  trained(root, "one/organ", "two/organ");
  const [missing] = await findModels(
    await read(`model_folder: ${root}\nmodels: [{id: b, rel_path: none}]\n`),
  );
  expect(missing).toMatchObject({ path: null, error: expect.stringContaining("has none in its path") });
  const twice = read(`model_folder: ${root}\nmodels: [{id: a, rel_path: organ}]\n`);
  await expect(twice.then(findModels)).rejects.toMatchObject({
    code: "SPEC_INVALID",
    message: expect.stringContaining("a: rel_path organ is in the path of 2 models"),
  });
});
