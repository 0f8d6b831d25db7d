import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import type { BuildReport } from "../../src/build/build-report.js";
import { main } from "../../src/cli/main.js";
import { startContainerServer } from "../support/docker/container-server.js";
import { describeWithEngine, removeImage, runContained } from "../support/docker/docker.js";
import { buildWithDocker, testBuildRequest } from "../support/docker/processor-build.js";
import { goldenPath } from "../support/golden.js";
import { compareSegmentations } from "../support/images/compare-segmentations.js";
import { testTerminal } from "../support/programs/test-terminal.js";

const timeout = 600_000;

describeWithEngine("an image for any model", () => {
  const imageName = "nnunet-processor-test/any-model:1";
  let scratch: string;
  let report: BuildReport;

  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), "e2e-any-model-"));
    const request = await testBuildRequest({ golden: "blobs_2d", imageName, scratch });
    report = await buildWithDocker({ ...request, models: null });
  }, timeout);

  afterAll(async () => {
    await removeImage(imageName);
    rmSync(scratch, { recursive: true, force: true });
  });

  test.each([
    { model: "v2/blobs_2d", checkpoint: "checkpoint_final.pth" },
    { model: "v1/blobs_2d", checkpoint: "model_final_checkpoint" },
  ])(
    "takes $model, without network, root or a writable root file system",
    async ({ model, checkpoint }) => {
      const [golden, name] = model.split("/") as [string, string];
      const input = goldenPath(golden, name, "input");
      const [file = ""] = readdirSync(input);
      const output = join(scratch, golden);
      mkdirSync(output);
      chmodSync(output, 0o777);
      const run = await runContained(imageName, {
        input,
        output,
        binds: [`${goldenPath(golden, name, "model")}:/model:ro`],
        args: ["-i", `/input/${file}`, "-o", "/output", "-ckpt", checkpoint, "--device", "cpu"],
      });
      expect(run).toMatchObject({ exitCode: 0 });
      const caseName = file.replace("_0000.nii.gz", "");
      const { differing, voxels } = await compareSegmentations(
        join(output, "prediction.nii.gz"),
        goldenPath(golden, name, "expected", caseName, "seg.nii.gz"),
      );
      expect(differing / voxels).toBeLessThan(1e-4);
      expect(readdirSync(output).sort()).toEqual(["prediction.nii.gz", "probabilities.nii.gz"]);
    },
    timeout,
  );

  test(
    "serves the trained folders below /model, which it converts before it takes jobs",
    async () => {
      const folder = goldenPath("v2", "blobs_2d", "model");
      const spec = join(scratch, "spec.yaml");
      writeFileSync(
        spec,
        "model_folder: /model\nmodels:\n  - {id: blobs, rel_path: blobs_2d}\n  - {id: total, totalseg_task: total_fast}\n",
      );
      const run = async (args: readonly string[], binds: readonly string[]) => {
        const server = await startContainerServer(imageName, { args: ["--no-auth", ...args], binds });
        onTestFinished(() => server.remove());
        return server;
      };
      const server = await run([], [`${folder}:/model/blobs_2d:ro`]);
      const input = goldenPath("v2", "blobs_2d", "input", "blob_010_0000.nii.gz");
      const form = new FormData();
      form.append("request", JSON.stringify({ model: "blobs_2d", tta: false }));
      form.append("file", new Blob([readFileSync(input)]), "blob_010.nii.gz");
      const answer = await fetch(`${server.address}/v1/jobs`, {
        method: "POST",
        body: form,
        headers: { prefer: "wait=300" },
      });
      const { id, state } = (await answer.json()) as { readonly id: string; readonly state: string };
      expect(state).toBe("done");
      const file = await fetch(`${server.address}/v1/jobs/${id}/files/stage_0/prediction.nii.gz`);
      const found = join(scratch, "served.nii.gz");
      writeFileSync(found, new Uint8Array(await file.arrayBuffer()));
      const expected = goldenPath("v2", "blobs_2d", "expected", "blob_010", "seg.nii.gz");
      const { differing, voxels } = await compareSegmentations(found, expected);
      expect(differing / voxels).toBeLessThan(1e-4);
      const { exitCode, output } = await server.stop();
      expect(exitCode, output).toBe(0);
      expect(output).toContain("blobs_2d: converting the weights");

      // The container has no weights of TotalSegmentator, and no network name leads to them.
      const withSpec = await run(
        ["--spec", "/spec.yaml"],
        [`${folder}:/model/blobs_2d:ro`, `${spec}:/spec.yaml:ro`],
      );
      const info = (await (await fetch(`${withSpec.address}/model_info`)).json()) as Record<string, unknown>;
      expect(info).toMatchObject({
        blobs: { path: "/model/blobs_2d" },
        total: { path: null, is_totalseg: true },
      });
      const refused = await fetch(`${withSpec.address}/v1/jobs`, { method: "POST", body: formOf("total") });
      expect(refused.status).toBe(503);
    },
    timeout,
  );

  test(
    "serves models of TotalSegmentator, NVIDIA and MONAI that are mounted below /model",
    async () => {
      const spec = join(scratch, "task.yaml");
      const models = [
        "{id: whole, totalseg_task: total_fastest}",
        "{id: brain, nvidia: nvidia/mr_2d_dynunet/model}",
        "{id: spleen, bundle: monai/spleen_unet/bundle}",
      ];
      writeFileSync(
        spec,
        `model_folder: /model\nmodels:\n${models.map((model) => `  - ${model}\n`).join("")}`,
      );
      const server = await startContainerServer(imageName, {
        args: ["--no-auth", "--spec", "/spec.yaml"],
        binds: [
          `${goldenPath("totalseg", "weights")}:/model/totalseg:ro`,
          `${goldenPath("nvidia")}:/model/nvidia:ro`,
          `${goldenPath("monai")}:/model/monai:ro`,
          `${spec}:/spec.yaml:ro`,
        ],
      });
      onTestFinished(() => server.remove());
      const states = await (await fetch(`${server.address}/v1/models`)).json();
      expect(states).toMatchObject({ models: models.map(() => ({ state: "ready", error: null })) });
      const golden = goldenPath("totalseg", "total_fastest");
      const form = new FormData();
      form.append("request", JSON.stringify({ model: "whole" }));
      form.append("file", new Blob([readFileSync(join(golden, "ct.nii.gz"))]), "ct.nii.gz");
      const answer = await fetch(`${server.address}/v1/jobs`, {
        method: "POST",
        body: form,
        headers: { prefer: "wait=300" },
      });
      const job = (await answer.json()) as { readonly id: string; readonly state: string };
      expect(job).toMatchObject({ state: "done" });
      const file = await fetch(`${server.address}/v1/jobs/${job.id}/files/stage_0/prediction.nii.gz`);
      const found = join(scratch, "task.nii.gz");
      writeFileSync(found, new Uint8Array(await file.arrayBuffer()));
      const { differing, voxels } = await compareSegmentations(found, join(golden, "expected_seg.nii.gz"));
      // Random networks are often close to a tie, which float16 sums of nnU-Net decide otherwise.
      expect(differing / voxels).toBeLessThan(2e-3);
    },
    timeout,
  );

  function formOf(model: string): FormData {
    const form = new FormData();
    form.append("request", JSON.stringify({ model }));
    form.append("file", new Blob(["voxels"]), "scan.nii.gz");
    return form;
  }

  test(
    "is run by predict-nnunet-serve -c, which writes the files as their user and reports the job",
    async () => {
      const folder = mkdtempSync(join(scratch, "from-outside-"));
      const input = goldenPath("v2", "blobs_2d", "input", "blob_010_0000.nii.gz");
      const model = goldenPath("v2", "blobs_2d", "model");
      const terminal = testTerminal(folder, { DOCKER_HOST: process.env["DOCKER_HOST"] ?? "" });
      const run = (...argv: readonly string[]) =>
        main(
          ["predict-nnunet-serve", "-c", imageName, "-i", input, "-m", model, "-o", "out", ...argv],
          terminal,
        );
      expect(await run("-ckpt", "checkpoint_final.pth", "--suffix", "a", "-S")).toBe(0);
      const files = ["prediction_a.nii.gz", "proba_a.nii.gz", "volume_0000.nii.gz"];
      expect(readdirSync(join(folder, "out")).sort()).toEqual(files);
      for (const name of files) {
        expect(statSync(join(folder, "out", name)).uid).toBe(process.getuid!());
        expect(terminal.printed.out).toContain(join(folder, "out", name));
      }
      expect(await run("--log_file", "log.json")).toBe(3);
      expect(terminal.printed.err).toContain("no fold has checkpoint_best.pth");
      expect(JSON.parse(readFileSync(join(folder, "log.json"), "utf8"))).toMatchObject({ status: "failed" });
    },
    timeout,
  );

  test(
    "is run by predict --image, with the names and the answer of predict",
    async () => {
      const folder = mkdtempSync(join(scratch, "predict-"));
      const input = goldenPath("v2", "blobs_2d", "input");
      const model = goldenPath("v2", "blobs_2d", "model");
      const terminal = testTerminal(folder, { DOCKER_HOST: process.env["DOCKER_HOST"] ?? "" });
      const run = (...argv: readonly string[]) =>
        main(["predict", "--image", imageName, "-i", input, "-o", "out", ...argv], terminal);
      expect(await run()).toBe(2);
      expect(terminal.printed.err).toContain("is an image for any model: name the model with --model-dir");
      expect(await run("--model-dir", model, "--json")).toBe(0);
      const written = join(folder, "out", "blob_010.nii.gz");
      expect(JSON.parse(terminal.printed.out)).toEqual({ image: imageName, files: [written] });
      const expected = goldenPath("v2", "blobs_2d", "expected", "blob_010", "seg_tta.nii.gz");
      const { differing, voxels } = await compareSegmentations(written, expected);
      expect(differing / voxels).toBeLessThan(1e-4);
      expect(await run("--model-dir", model)).toBe(2);
      expect(terminal.printed.err).toContain(`${written} exists already`);
    },
    timeout,
  );

  test.each([
    { argv: ["--task", "4"], says: "--task has no effect with --image" },
    { argv: ["--continue"], says: "--continue and --image cannot be used together" },
    { argv: ["--mode", "fast"], says: "--mode and --image cannot be used together" },
    { argv: ["--checkpoint", "x"], says: "--checkpoint needs --model-dir" },
  ])("$argv is refused with an image", async ({ argv, says }) => {
    const terminal = testTerminal(scratch, { DOCKER_HOST: process.env["DOCKER_HOST"] ?? "" });
    const line = ["predict", "--image", imageName, "-i", scratch, "-o", "out", ...argv];
    expect(await main(line, terminal)).toBe(2);
    expect(terminal.printed.err).toContain(says);
  });

  test("says in its labels that the model is mounted", () => {
    expect(report.labels["org.nnunet-processor.model"]).toBe("mounted");
  });
});
