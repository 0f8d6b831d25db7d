import { once } from "node:events";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
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

test("the port opens before weights are fetched; readyz says how far they are, and then why they could not be", async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "models"));
  writeFileSync(
    join(folder, "spec.yaml"),
    "model_folder: models\nmodels:\n  - {id: whole, totalseg_task: total_fastest}\n",
  );
  let fail = (): void => {};
  const mirror = createServer((_, response) => {
    response.writeHead(200, { "content-length": "1000000" });
    response.write(Buffer.alloc(500_000).fill("PK\u0003\u0004", 0, 4));
    fail = () => response.destroy();
  });
  mirror.listen(0, "127.0.0.1");
  await once(mirror, "listening");
  onTestFinished(() => {
    mirror.closeAllConnections();
    mirror.close();
  });
  const environment = {
    ...{ HOME: folder, TOTALSEG_WEIGHTS_PATH: "", no_proxy: "127.0.0.1" },
    TOTALSEG_WEIGHTS_URL: `http://127.0.0.1:${(mirror.address() as AddressInfo).port}`,
  };
  const server = startServer(folder, ["--spec", "spec.yaml"], environment);
  const address = await addressOf(server);
  const ready = async () => {
    const answer = await fetch(`${address}/readyz`);
    return { httpStatus: answer.status, ...((await answer.json()) as { reason: string; models: object }) };
  };
  await expect
    .poll(async () => String((await ready()).reason), { timeout: 60_000 })
    .toMatch(/^1 of 1 models are being made ready; whole: .*50 % of 1 MB$/);
  expect(await ready()).toMatchObject({ httpStatus: 503, models: { whole: "loading" } });
  const body = { model: "whole", uploads: ["x"] };
  const ask = () =>
    fetch(`${address}/v1/jobs`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  expect((await ask()).status).toBe(503);
  mirror.removeAllListeners("request");
  mirror.on("request", (_, response) => response.writeHead(404).end());
  fail();
  await server.said(/^ready$/m);
  expect(await ready()).toMatchObject({ httpStatus: 200, models: { whole: "missing" } });
  const refused = await ask();
  expect(refused.status).toBe(503);
  expect(await refused.json()).toMatchObject({
    code: "MODEL_UNAVAILABLE",
    error: expect.stringMatching(/the model whole cannot be used: [A-Z_]+: /),
  });
});
