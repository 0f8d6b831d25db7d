import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { silentProgress } from "../../processor/contract/progress/progress.js";
import { readForeground } from "../../src/nnunet/fingerprint/foreground.js";
import { makeFingerprint } from "../../src/nnunet/fingerprint/make-fingerprint.js";
import { RandomState } from "../../src/nnunet/random-state.js";
import { goldenPath } from "../support/golden.js";

type Numbers = Readonly<Record<string, number>>;

interface FingerprintJson {
  readonly spacings: unknown;
  readonly shapes_after_crop: unknown;
  readonly median_relative_size_after_cropping: number;
  readonly foreground_intensity_properties_per_channel: Readonly<Record<string, Numbers>>;
}

const tools = {
  workers: null,
  progress: silentProgress,
  signal: new AbortController().signal,
  environment: {},
};

const jsonOf = (path: string) => JSON.parse(readFileSync(path, "utf8")) as FingerprintJson;

async function computed(name: string, samples: "drawn" | "all") {
  const folder = mkdtempSync(join(tmpdir(), "fingerprint-"));
  const rawFolder = goldenPath("tools", "datasets", name);
  await makeFingerprint({ name, rawFolder, preprocessedFolder: folder }, { samples, clean: false }, tools);
  return {
    found: jsonOf(join(folder, "dataset_fingerprint.json")),
    expected: jsonOf(join(rawFolder, "expected_fingerprint.json")),
  };
}

/** Each draws 10^8 samples per channel, so not all five are repeated. */
const drawn = ["Dataset302_IsoCT", "Dataset304_Brain", "Dataset305_Tiny"];
const all = readdirSync(goldenPath("tools", "datasets"));

test.each(drawn)("the fingerprint of %s with nnU-Net's draws is nnU-Net's", async (name) => {
  const { found, expected } = await computed(name, "drawn");
  expect({ ...found, foreground_intensity_properties_per_channel: null }).toEqual({
    ...expected,
    foreground_intensity_properties_per_channel: null,
  });
  for (const [channel, numbers] of Object.entries(expected.foreground_intensity_properties_per_channel)) {
    const own = found.foreground_intensity_properties_per_channel[channel]!;
    for (const key of ["min", "max", "median", "percentile_00_5", "percentile_99_5"])
      expect(own[key]).toBe(numbers[key]);
    // nnU-Net sums 10^8 values in float32.
    for (const key of ["mean", "std"]) expect(Math.abs(own[key]! / numbers[key]! - 1)).toBeLessThan(1e-4);
  }
});

test.each(all)("the fingerprint of all voxels of %s is close to nnU-Net's", async (name) => {
  const { found, expected } = await computed(name, "all");
  for (const [channel, numbers] of Object.entries(expected.foreground_intensity_properties_per_channel)) {
    const own = found.foreground_intensity_properties_per_channel[channel]!;
    // nnU-Net's numbers are those of a random sample, which vary most in the tails, where few voxels are.
    const tolerances = { mean: 1e-3, std: 1e-3, median: 1e-3, percentile_00_5: 1e-2, percentile_99_5: 1e-2 };
    for (const [key, tolerance] of Object.entries(tolerances))
      expect(Math.abs(own[key]! - numbers[key]!)).toBeLessThanOrEqual(tolerance * numbers["std"]!);
  }
});

test.each(all)("the first samples of each case of %s are those that nnU-Net draws", async (name) => {
  const folder = goldenPath("tools", "datasets", name);
  const reader = name.endsWith("Photos") ? "NaturalImage2DIO" : "SimpleITKIO";
  const cases = JSON.parse(
    readFileSync(join(folder, "expected_per_case.json"), "utf8").replaceAll("NaN", "null"),
  ) as Readonly<
    Record<
      string,
      {
        readonly shape_after_crop: unknown;
        readonly first_64_samples_per_channel: readonly (readonly number[])[];
      }
    >
  >;
  for (const [id, expected] of Object.entries(cases)) {
    const files = readdirSync(join(folder, "imagesTr")).filter((file) => file.startsWith(`${id}_`));
    const label = readdirSync(join(folder, "labelsTr")).find((file) => file.startsWith(`${id}.`))!;
    const { channels, cropBox } = await readForeground(
      reader,
      files.toSorted().map((file) => join(folder, "imagesTr", file)),
      join(folder, "labelsTr", label),
    );
    expect(cropBox.map(([from, to]) => to - from)).toEqual(expected.shape_after_crop);
    const random = new RandomState(1234);
    const samples = channels.map((values) =>
      values.length === 0 ? [] : Array.from({ length: 64 }, () => values[random.below(values.length)]!),
    );
    expect(samples).toEqual(expected.first_64_samples_per_channel);
  }
});

describe("an existing fingerprint", () => {
  test("is kept while the raw data are the same, and computed again when a file has changed", async () => {
    const folder = mkdtempSync(join(tmpdir(), "fingerprint-"));
    const rawFolder = join(folder, "raw");
    cpSync(goldenPath("tools", "datasets", "Dataset305_Tiny"), rawFolder, { recursive: true });
    const place = { name: "Dataset305_Tiny", rawFolder, preprocessedFolder: join(folder, "preprocessed") };
    const run = () => makeFingerprint(place, { samples: "all", clean: false }, tools);
    expect((await run()).result).toBe("computed");
    const label = join(rawFolder, "labelsTr", "t0.nii.gz");
    utimesSync(label, 1, 1);
    expect(await run()).toMatchObject({ result: "kept", changes: [] });
    writeFileSync(label, readFileSync(join(rawFolder, "labelsTr", "t1.nii.gz")));
    cpSync(join(rawFolder, "imagesTr", "t1_0000.nii.gz"), join(rawFolder, "imagesTr", "t0_0000.nii.gz"));
    expect(await run()).toMatchObject({
      result: "computed",
      changes: ["imagesTr/t0_0000.nii.gz has changed", "labelsTr/t0.nii.gz has changed"],
    });
  });
});

const name = "Dataset304_Brain";
const settings = { samples: "all", clean: false } as const;

/** Stops a fingerprint after its first case. */
async function stoppedRun() {
  const folder = mkdtempSync(join(tmpdir(), "fingerprint-"));
  const place = { name, rawFolder: goldenPath("tools", "datasets", name), preprocessedFolder: folder };
  const stop = new AbortController();
  const progress = {
    ...silentProgress,
    start: () => ({ advance: () => stop.abort(new Error("stopped")), done: () => {} }),
  };
  const stopped = makeFingerprint(place, settings, { ...tools, workers: 1, progress, signal: stop.signal });
  await expect(stopped).rejects.toThrow("stopped");
  expect(existsSync(join(folder, "dataset_fingerprint.json"))).toBe(false);
  return { folder, place };
}

test("a stopped run continues with the cases that it has not measured", async () => {
  const { folder, place } = await stoppedRun();
  expect(await makeFingerprint(place, settings, tools)).toMatchObject({ cases: 6, continued: 1 });
  const { found } = await computed(name, "all");
  expect(jsonOf(join(folder, "dataset_fingerprint.json"))).toEqual(found);
  expect(readdirSync(folder).toSorted()).toEqual(["dataset_fingerprint.json", "raw_files.json"]);
});

test("a part of a stopped run that was damaged on the disk is measured again", async () => {
  const { folder, place } = await stoppedRun();
  const parts = join(folder, ".fingerprint_parts");
  const part = join(parts, readdirSync(parts)[0]!);
  const bytes = readFileSync(part);
  bytes[bytes.length - 9]! ^= 64;
  writeFileSync(part, bytes);
  expect(await makeFingerprint(place, settings, tools)).toMatchObject({ cases: 6, continued: 0 });
  const { found } = await computed(name, "all");
  expect(jsonOf(join(folder, "dataset_fingerprint.json"))).toEqual(found);
});
