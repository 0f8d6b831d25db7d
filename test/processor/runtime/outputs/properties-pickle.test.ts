import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { InferencePlan, LabelDefinition } from "../../../../processor/contract/manifest.js";
import { nibabelAffine } from "../../../../processor/imaging/formats/nifti/nibabel-affine.js";
import { readImage } from "../../../../processor/imaging/formats/read-image.js";
import { stackChannels } from "../../../../processor/imaging/formats/stack-channels.js";
import type { CaseVolume } from "../../../../processor/imaging/volume/case-volume.js";
import { propertiesPickle } from "../../../../processor/nnunet-files/properties-pickle.js";
import { propertiesPickleV1 } from "../../../../processor/nnunet-files/properties-pickle-v1.js";
import { openProbabilityFile } from "../../../../processor/runtime/outputs/probability-file.js";
import { exportLabels } from "../../../../processor/runtime/postprocess/export-labels.js";
import { preprocess } from "../../../../processor/runtime/preprocess/preprocess.js";
import {
  reorientCase,
  withoutReorientation,
} from "../../../../processor/runtime/preprocess/reorient-case.js";
import { openPool } from "../../../../processor/runtime/threads/open-pool.js";
import { Field } from "../../../../src/checkpoint/fields.js";
import { readInferencePlanV1 } from "../../../../src/checkpoint/nnunet-v1/inference-plan.js";
import { NumpyArray, numpyGlobals } from "../../../../src/checkpoint/pickle/numpy-globals.js";
import { pythonGlobals } from "../../../../src/checkpoint/pickle/python-globals.js";
import { readPickle } from "../../../../src/checkpoint/pickle/read-pickle.js";
import { difference, repositoryRoot } from "../../../support/golden.js";
import { answerOf, type GridFixture } from "../../../support/images/grid-fixture.js";
import { planOf } from "../../../support/model/plan-of.js";
import { readNpz } from "../../../support/model/read-npz.js";

/** See test/peer/properties_fixtures.py. */
interface Fixture {
  readonly name: string;
  readonly image: string;
  readonly plans: object;
  readonly dataset: object;
}

interface FixtureV1 extends Pick<GridFixture, "logits" | "preprocessedShape"> {
  readonly name: string;
  readonly image: string;
  readonly plans: object;
  readonly regionsClassOrder: readonly number[] | null;
  /** The order of the splines that resize `softmax`. */
  readonly shape: readonly number[];
  readonly softmax: readonly number[];
}

const folder = join(repositoryRoot, "test", "fixtures", "properties");
const fixtures = <T>(name: string): readonly T[] =>
  JSON.parse(readFileSync(join(folder, name), "utf8")) as T[];

const pool = openPool();
const scratch = mkdtempSync(join(tmpdir(), "properties-"));
afterAll(async () => {
  await pool.close();
  rmSync(scratch, { recursive: true });
});

describe("the properties next to probabilities are those that nnU-Net's own reader keeps", () => {
  test.each(fixtures<Fixture>("cases.json"))("$name", async ({ name, image: file, plans, dataset }) => {
    const { plan, labels } = planOf(plans, dataset, "c");
    const { imageReader } = plan;
    const image = await readVolume(file, plan);
    const affine = nibabelAffine(image);
    const { volume } = imageReader.endsWith("WithReorient")
      ? await reorientCase(image, { pool, affine: imageReader.startsWith("Nibabel") ? affine : null })
      : withoutReorientation(image);
    const { history } = await preprocess(volume, { plan, labels, pool, previousStage: null });
    const found = propertiesPickle({ imageReader, history, image, affine });
    expectSameContent(contentOf(found), contentOf(readFileSync(join(folder, `${name}.pkl`))));
  });
});

describe("the properties that v1 saves for a case", () => {
  test.each(fixtures<FixtureV1>("cases_v1.json"))("$name", async (fixture) => {
    const { name, image: file, regionsClassOrder } = fixture;
    const plans = new Field(fixture.plans, "plans.pkl");
    const stagePlan = plans.get("plans_per_stage").get("0");
    const plan = readInferencePlanV1({ plans, stagePlan, doesMirror: false });
    const labels: LabelDefinition = {
      ...{ names: [], foregroundLabels: [1, 2], ignoreLabel: null },
      regionsClassOrder,
    };
    const { history, sizeZyx } = await preprocess(await readVolume(file, plan), {
      ...{ plan, labels, pool, previousStage: null },
    });
    const channelFiles = [file];
    const found = propertiesPickleV1({ history, plan, labels, networkSizeZyx: sizeZyx, channelFiles });
    const { classes, ...expected } = Object.fromEntries(
      contentOf(readFileSync(join(folder, `${name}.pkl`))) as Map<string, unknown>,
    );
    expect(classes).toBeInstanceOf(NumpyArray);
    expectSameContent(contentOf(found), new Map(Object.entries(expected)));

    const stream = answerOf(fixture, { sizeZyx, kind: "probabilities" });
    const path = join(scratch, `${name}.npz`);
    const form = { nnunetVersion: 1 as const, heads: stream.heads, history, plan, labels };
    const probabilities = await openProbabilityFile(path, form);
    await exportLabels([{ stream, history, plan }], { labels, pool, probabilities });
    await probabilities.finish();
    await probabilities.discard();
    const { shape, data } = readNpz(path, "softmax");
    expect(shape).toEqual(fixture.shape);
    // One step of float16 below 1: v1 interpolates in float64, this program in float32.
    expect(difference(data, Float32Array.from(fixture.softmax)).max).toBeLessThanOrEqual(2 ** -11);
  });
});

async function readVolume(file: string, { imageReader }: InferencePlan): Promise<CaseVolume> {
  const image = await readImage(join(folder, file), { imageReader });
  return stackChannels([image], { channelNames: ["x"], onWarning: () => {} });
}

const globals = new Map([...pythonGlobals, ...numpyGlobals]);

const contentOf = (pickle: Uint8Array): unknown => readPickle(pickle, { source: "case.pkl", globals }).value;

/** Keys in the same order, the same types and texts, and numbers up to the last digits of a float64. */
function expectSameContent(found: unknown, expected: unknown): void {
  const numbers: { readonly found: number; readonly expected: number }[] = [];
  expect(shapeOf(found)).toEqual(shapeOf(expected));
  collect(found, expected);
  for (const pair of numbers)
    expect(Math.abs(pair.found - pair.expected)).toBeLessThanOrEqual(1e-13 * (1 + Math.abs(pair.expected)));

  function collect(a: unknown, b: unknown): void {
    if (typeof a === "number") numbers.push({ found: a, expected: b as number });
    else for (const [i, part] of partsOf(a).entries()) collect(part, partsOf(b)[i]);
  }
}

/** Everything but the numbers. */
function shapeOf(value: unknown): unknown {
  if (value instanceof Map) return [...value].map(([key, part]) => [key, shapeOf(part)]);
  if (value instanceof NumpyArray) return { array: value.shape };
  if (Array.isArray(value)) return value.map(shapeOf);
  return typeof value === "number" ? "number" : value;
}

function partsOf(value: unknown): readonly unknown[] {
  if (value instanceof Map) return [...value.values()];
  if (value instanceof NumpyArray) return value.values();
  return Array.isArray(value) ? value : [];
}
