import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { goldenPath } from "../../support/golden.js";
import { compareSegmentations } from "../../support/images/compare-segmentations.js";
import { addressOf, type ServerProcess, startServer } from "../../support/service/server-process.js";
import { temporaryFolder } from "../../support/service/test-service.js";

const golden = goldenPath("totalseg", "total_fastest");
const weights = goldenPath("totalseg", "weights");

/** Writes a file of models with two tasks; one of them needs a licence. */
function specFolder(): string {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "models"));
  writeFileSync(
    join(folder, "spec.yaml"),
    "model_folder: models\nmodels:\n" +
      "  - {id: whole, totalseg_task: total_fastest}\n" +
      "  - {id: chambers, totalseg_task: heartchambers_highres}\n",
  );
  return folder;
}

/** No address leads to weights that are not in the folder. */
const offline = { https_proxy: "http://127.0.0.1:9", no_proxy: "127.0.0.1" };

async function answerOf(server: ServerProcess): Promise<string> {
  const address = await addressOf(server);
  await server.said(/^ready$/m);
  const information = (await (await fetch(`${address}/model_info`)).json()) as Record<string, object>;
  expect(information).toMatchObject({
    whole: { is_totalseg: true, totalseg_task: "total_fastest" },
    chambers: { is_totalseg: true, path: null },
  });
  const form = new FormData();
  form.append("request", JSON.stringify({ model: "totalseg_total_fastest" }));
  form.append("file", new Blob([readFileSync(join(golden, "ct.nii.gz"))]), "ct.nii.gz");
  const headers = { prefer: "wait=300" };
  const answer = await fetch(`${address}/v1/jobs`, { method: "POST", body: form, headers });
  const job = (await answer.json()) as { readonly id: string; readonly state: string };
  expect(job, server.texts.err).toMatchObject({ state: "done" });
  const file = await fetch(`${address}/v1/jobs/${job.id}/files/stage_0/prediction.nii.gz`);
  const path = join(temporaryFolder(), "prediction.nii.gz");
  writeFileSync(path, new Uint8Array(await file.arrayBuffer()));
  return path;
}

/** Random networks are often close to a tie, which float16 sums of nnU-Net decide otherwise. */
const mostDiffering = 2e-3;

async function expectGolden(path: string): Promise<void> {
  const { differing, voxels } = await compareSegmentations(path, join(golden, "expected_seg.nii.gz"));
  expect(differing / voxels).toBeLessThan(mostDiffering);
}

test("a task whose weights are in TotalSegmentator's folder is served, and one without a licence stops no other", async () => {
  const environment = { ...offline, TOTALSEG_WEIGHTS_PATH: weights };
  const server = startServer(specFolder(), ["--spec", "spec.yaml"], environment);
  await expectGolden(await answerOf(server));
});

test("weights in the folder totalseg below the models are found, as nnunet_serve finds them", async () => {
  const folder = specFolder();
  symlinkSync(weights, join(folder, "models", "totalseg"));
  const environment = { ...offline, TOTALSEG_WEIGHTS_PATH: "" };
  await expectGolden(await answerOf(startServer(folder, ["--spec", "spec.yaml"], environment)));
});
