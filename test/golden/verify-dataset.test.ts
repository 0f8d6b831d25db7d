import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { silentProgress } from "../../processor/contract/progress/progress.js";
import { likeNnunet } from "../../src/nnunet/datasets/verify/like-nnunet.js";
import { type VerifyReport, verifyDataset } from "../../src/nnunet/datasets/verify/verify-dataset.js";
import { goldenPath } from "../support/golden.js";

interface Expected {
  readonly dataset: string;
  readonly ok: boolean;
  readonly error: { readonly type: string; readonly message: string } | null;
  readonly error_lines: number;
  readonly warning_lines: readonly string[];
}

const expected = JSON.parse(
  readFileSync(goldenPath("tools", "integrity", "expected.json"), "utf8"),
) as readonly Expected[];

const tools = {
  workers: 2,
  progress: silentProgress,
  signal: new AbortController().signal,
  environment: {},
};

const verify = (name: string): Promise<VerifyReport> =>
  verifyDataset({ name, rawFolder: goldenPath("tools", "integrity", name) }, tools);

test("there are 53 data sets", () => {
  expect(expected).toHaveLength(53);
});

describe.each(expected)("$dataset", (nnunet) => {
  let report: VerifyReport;
  beforeAll(async () => {
    report = await verify(nnunet.dataset);
  });

  test("is right or wrong as nnU-Net says", () => {
    expect(report.isFine).toBe(nnunet.ok);
  });

  test("ends with the same exception after the same lines", () => {
    const verdict = likeNnunet(report);
    const kinds = (start: string) => verdict.lines.filter((line) => line.startsWith(start));
    expect({
      ok: verdict.isFine,
      type: verdict.exception?.type ?? null,
      errors: kinds("Error").length,
      warnings: kinds("Warning").map((line) => line.split(/[.:]/, 2).join(":").slice(0, 30)),
    }).toEqual({
      ok: nnunet.ok,
      type: nnunet.error?.type ?? null,
      errors: nnunet.error_lines,
      warnings: nnunet.warning_lines.map((line) => line.split(/[.:]/, 2).join(":").slice(0, 30)),
    });
  });
});

test("all faults of a data set are reported at once", async () => {
  const { findings } = await verify("several_errors_at_once");
  expect(
    findings.filter(({ severity }) => severity === "error").map(({ check, case: id }) => [check, id]),
  ).toEqual([
    ["label-spacing", "case0"],
    ["label-shape", "case1"],
  ]);
});

test("a NaN that nnU-Net's reader hides is reported as a warning", async () => {
  const { findings } = await verify("nan_image");
  expect(findings).toMatchObject([{ severity: "warning", check: "nan-read-as-0" }]);
});
