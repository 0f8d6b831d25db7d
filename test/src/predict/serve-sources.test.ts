import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { goldenPath } from "../../support/golden.js";
import { compareSegmentations } from "../../support/images/compare-segmentations.js";
import { addressOf, startServer } from "../../support/service/server-process.js";
import { temporaryFolder } from "../../support/service/test-service.js";

/** Writes a file of models, whose folder has the golden models of other programs. */
function specFolder(models: string): string {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "models"));
  symlinkSync(goldenPath("nvidia"), join(folder, "models", "nvidia"));
  symlinkSync(goldenPath("monai"), join(folder, "models", "monai"));
  writeFileSync(join(folder, "spec.yaml"), `model_folder: models\nmodels:\n${models}`);
  return folder;
}

const spec = `
  - id: organ
    nvidia:
      path: nvidia/ct_3d_dynunet_2022/model
      ct: {min: -41.0, max: 176.0, mean: 99.29, std: 39.47}
  - {id: brain, nvidia: nvidia/mr_2d_dynunet/model}
  - {id: unknown, nvidia: nvidia/ct_3d_dynunet_2022/model}
  - id: tumour
    nvidia:
      path: nvidia/mr_2d_dynunet/model/epoch=9-dice=73.21.ckpt
      config: nvidia/mr_2d_dynunet/model/config.pkl
      modality: MRI
  - {id: spleen, bundle: monai/spleen_unet/bundle}
  - {id: gone, nvidia: nvidia/nowhere.ckpt}
`;

async function segment(address: string, model: string, image: string): Promise<string> {
  const form = new FormData();
  form.append("request", JSON.stringify({ model, tta: false }));
  form.append("file", new Blob([readFileSync(image)]), "case.nii.gz");
  const answer = await fetch(`${address}/v1/jobs`, {
    method: "POST",
    body: form,
    headers: { prefer: "wait=300" },
  });
  const job = (await answer.json()) as { readonly id: string; readonly state: string };
  expect(job).toMatchObject({ state: "done" });
  const file = await fetch(`${address}/v1/jobs/${job.id}/files/stage_0/prediction.nii.gz`);
  const path = join(temporaryFolder(), "prediction.nii.gz");
  writeFileSync(path, new Uint8Array(await file.arrayBuffer()));
  return path;
}

test("checkpoints of NVIDIA's nnU-Net and bundles of MONAI are served, and give those programs' labels", async () => {
  const server = startServer(specFolder(spec), ["--spec", "spec.yaml"]);
  const address = await addressOf(server);
  await server.said(/^ready$/m);
  const { models } = (await (await fetch(`${address}/v1/models`)).json()) as {
    readonly models: readonly {
      readonly id: string;
      readonly state: string;
      readonly error: string | null;
    }[];
  };
  expect(Object.fromEntries(models.map(({ id, state }) => [id, state]))).toEqual({
    organ: "ready",
    tumour: "ready",
    brain: "ready",
    unknown: "missing",
    spleen: "ready",
    gone: "missing",
  });
  expect(models.at(-1)!.error).toContain("nowhere.ckpt does not exist");
  const unknown = await fetch(`${address}/v1/jobs`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "unknown", uploads: ["x"] }),
  });
  expect(unknown.status).toBe(503);
  expect(await unknown.json()).toMatchObject({
    code: "MODEL_UNAVAILABLE",
    error: expect.stringContaining("nvidia.ct"),
  });
  for (const [model, image, expected] of [
    [
      "organ",
      goldenPath("nvidia", "ct_3d_dynunet_2022", "input", "case.nii.gz"),
      goldenPath("nvidia", "ct_3d_dynunet_2022", "expected", "seg.nii.gz"),
    ],
    [
      "tumour",
      goldenPath("nvidia", "mr_2d_dynunet", "input", "case.nii.gz"),
      goldenPath("nvidia", "mr_2d_dynunet", "expected", "seg.nii.gz"),
    ],
    [
      "spleen",
      goldenPath("monai", "spleen_unet", "input.nii.gz"),
      goldenPath("monai", "spleen_unet", "expected", "seg.nii.gz"),
    ],
  ] as const) {
    const { differing, voxels } = await compareSegmentations(await segment(address, model, image), expected);
    // Random networks are nearer to ties than trained ones.
    expect(differing / voxels, model).toBeLessThanOrEqual(1e-3);
  }
});

test.each([
  ["two kinds at once", "{id: a, nvidia: x.ckpt, bundle: y}", "may have only one of nvidia and bundle"],
  ["no kind", "{id: a}", "needs one of rel_path, totalseg_task, nvidia, bundle"],
  ["a misspelled option", "{id: a, nvidia: {path: x.ckpt, modalty: CT}}", "did you mean modality?"],
  ["an option of another kind", "{id: a, nvidia: {path: x.ckpt, modality: PET}}", "allowed: CT, MRI"],
  ["no path", "{id: a, nvidia: {modality: CT}}", "must be the path of a checkpoint or its folder"],
])("a file of models with %s is refused when the server starts", async (_, entry, says) => {
  const server = startServer(specFolder(`  - ${entry}\n`), ["--spec", "spec.yaml"]);
  expect(await server.ended).toBe(2);
  expect(server.texts.err).toContain(says);
});
