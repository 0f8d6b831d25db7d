import { cpSync, mkdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readInstance } from "../../../processor/runtime/service/dicom/store/read-instance.js";
import { goldenPath } from "../../support/golden.js";
import { compareSegmentations } from "../../support/images/compare-segmentations.js";
import { addressOf, type ServerProcess, startServer } from "../../support/service/server-process.js";
import { temporaryFolder } from "../../support/service/test-service.js";

const model = goldenPath("v2", "blobs_2d", "model");
const image = goldenPath("v2", "blobs_2d", "input", "blob_010_0000.nii.gz");
const series = goldenPath("dicom", "sources", "ct_axial");

interface Place {
  readonly server: ServerProcess;
  readonly address: string;
  /** What nnunet_serve's README calls `/data`. */
  readonly data: string;
}

const code = (value: string, meaning: string) => ({
  CodeValue: value,
  CodingSchemeDesignator: "SCT",
  CodeMeaning: meaning,
});

/** A template as dcmqi's web page makes it. */
const template = {
  SeriesDescription: "Zones",
  segmentAttributes: [
    [1, 2].map((labelID) => ({
      labelID,
      SegmentLabel: `Zone ${labelID}`,
      SegmentedPropertyCategoryCodeSequence: code("123037004", "Anatomical Structure"),
      SegmentedPropertyTypeCodeSequence: code("41216001", "Prostate"),
    })),
  ],
};

/** Makes a model with five folds, which are all the golden one. */
function trainedModel(folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const name of ["plans.json", "dataset.json"]) cpSync(join(model, name), join(folder, name));
  for (const fold of [0, 1, 2, 3, 4]) symlinkSync(join(model, "fold_0"), join(folder, `fold_${fold}`));
}

/** Starts a server as an operator of nnunet_serve would, with that program's kind of file. */
async function start(): Promise<Place> {
  const folder = realpathSync(temporaryFolder());
  trainedModel(join(folder, "models", "prostate_whole_gland_model", "3d"));
  trainedModel(join(folder, "models", "prostate_zone_model", "3d"));
  writeFileSync(join(folder, "template.json"), JSON.stringify(template));
  const entry = (id: string, alias: string, metadata: string) => `  - id: ${id}
    rel_path: ${id}_model
    aliases: [${alias}]
    min_mem: 4000
    tta: true
    metadata: ${metadata}
    default_args: {series_folders: [inputs/seriesT2], use_folds: [0], checkpoint_name: checkpoint_final.pth}
`;
  writeFileSync(
    join(folder, "model-serve-spec.yaml"),
    `model_folder: ${folder}/models\nload_timeout_min: 60\nmodels:\n${entry(
      "prostate_whole_gland",
      "prostate",
      "{algorithm_name: Gland, segment_names: [Prostate, Lesion]}",
    )}${entry("prostate_zone", "prostate_zones", "{path: template.json}")}`,
  );
  const data = join(folder, "data");
  mkdirSync(join(data, "study01", "inputs", "seriesT2"), { recursive: true });
  cpSync(image, join(data, "study01", "inputs", "seriesT2", "t2.nii.gz"));
  cpSync(series, join(data, "study02", "inputs", "seriesT2"), { recursive: true });
  const server = startServer(folder, ["--data-root", data, "--no-auth"]);
  const address = await addressOf(server);
  await server.said(/^ready$/m);
  return { server, address, data };
}

/** Sends a body of the README, whose `/data` is this test's folder. */
async function infer({ address, data }: Place, readme: string) {
  const answer = await fetch(`${address}/infer`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: readme.replaceAll('"/data/', `"${data}/`),
  });
  return { status: answer.status, body: (await answer.json()) as Readonly<Record<string, unknown>> };
}

test("the examples of nnunet_serve's README run as they are", async () => {
  const place = await start();
  const { address, data } = place;
  const read = async (route: string) =>
    (await (await fetch(`${address}${route}`)).json()) as Readonly<Record<string, Record<string, unknown>>>;

  expect((await read("/model_info"))["prostate_whole_gland"]).toMatchObject({
    id: "prostate_whole_gland",
    rel_path: "prostate_whole_gland_model",
    n_classes: 3,
    min_mem: 4000,
    is_totalseg: false,
    path: expect.stringContaining("prostate_whole_gland_model"),
    default_args: { series_folders: ["inputs/seriesT2"] },
    model_information: { channel_names: expect.anything() },
  });
  const { properties, required } = await read("/request-params");
  expect(Object.keys(properties!)).toEqual(
    expect.arrayContaining(["nnunet_id", "study_path", "series_folders", "output_dir", "proba_threshold"]),
  );
  expect(required).toEqual(["nnunet_id", "study_path", "output_dir"]);

  const single = await infer(
    place,
    `{
    "nnunet_id": "prostate_whole_gland",
    "study_path": "/data/study01",
    "series_folders": ["inputs/seriesT2"],
    "output_dir": "/data/out/study01",
    "use_folds": [0,1,2,3,4],
    "tta": true,
    "save_proba_map": true,
    "proba_threshold": 0.1,
    "min_confidence": 0.5
  }`,
  );
  const out = join(data, "out");
  expect(single, place.server.texts.err).toMatchObject({
    status: 200,
    body: {
      status: "done",
      gpu: null,
      time_elapsed: expect.any(Number),
      nnunet_path: expect.stringContaining("prostate_whole_gland_model"),
      metadata: expect.anything(),
      request: { nnunet_id: "prostate_whole_gland", use_folds: [0, 1, 2, 3, 4] },
      nifti_prediction: [join(out, "study01", "stage_0", "prediction.nii.gz")],
      nifti_proba: [join(out, "study01", "stage_0", "proba.nii.gz")],
    },
  });

  const cascade = await infer(
    place,
    `{
    "nnunet_id": ["prostate_whole_gland", "prostate_zone"],
    "study_path": "/data/study02",
    "series_folders": [["inputs/seriesT2"], ["inputs/seriesT2"]],
    "output_dir": "/data/out/study02",
    "is_dicom": true,
    "cascade_mode": "intersect",
    "save_rt_struct_output": true
  }`,
  );
  const stages = [0, 1].map((stage) => join(out, "study02", `stage_${stage}`));
  expect(cascade, place.server.texts.err).toMatchObject({
    status: 200,
    body: {
      status: "done",
      nnunet_path: [
        expect.stringContaining("prostate_whole_gland_model"),
        expect.stringContaining("prostate_zone_model"),
      ],
      nifti_prediction: stages.map((stage) => join(stage, "prediction.nii.gz")),
      dicom_segmentation: stages.map((stage) => join(stage, "prediction.dcm")),
      dicom_struct: stages.map((stage) => join(stage, "struct.dcm")),
    },
  });
  const source = await readInstance(join(series, "IM0001.dcm"));
  const result = await readInstance(join(stages[1]!, "prediction.dcm"));
  expect(result.uids.study).toBe(source.uids.study);
  expect(result.attributes["0008103E"]?.Value).toEqual(["Zones"]);

  const plain = await infer(
    place,
    `{"nnunet_id": "prostate", "study_path": "/data/study01", "output_dir": "/data/out/plain"}`,
  );
  expect(plain.status, JSON.stringify(plain.body)).toBe(200);
  const expected = goldenPath("v2", "blobs_2d", "expected", "blob_010", "seg_tta.nii.gz");
  const { differing, voxels } = await compareSegmentations(
    join(out, "plain", "stage_0", "prediction.nii.gz"),
    expected,
  );
  expect(differing / voxels).toBeLessThan(1e-3);

  const unknown = await infer(
    place,
    `{"nnunet_id": "prostata", "study_path": "/data/study01", "output_dir": "/data/out/x"}`,
  );
  expect(unknown).toMatchObject({
    status: 400,
    body: {
      status: "failed",
      error: expect.stringContaining("prostata is not a valid nnunet_id"),
      gpu: null,
    },
  });
});

test("a folder with several images is not one series, and the error names them", async () => {
  const place = await start();
  const folder = join(place.data, "study01", "inputs", "seriesT2");
  writeFileSync(join(folder, "adc.nii.gz"), readFileSync(image));
  const { status, body } = await infer(
    place,
    `{"nnunet_id": "prostate", "study_path": "/data/study01", "output_dir": "/data/out/x"}`,
  );
  expect([status, body["code"]]).toEqual([400, "INPUT_NOT_FOUND"]);
  expect(body["error"]).toContain("adc.nii.gz, t2.nii.gz");
});
