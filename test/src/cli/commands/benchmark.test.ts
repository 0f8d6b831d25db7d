import { tmpdir } from "node:os";
import { expect, test } from "vitest";
import { main } from "../../../../src/cli/main.js";
import { throughput } from "../../../../src/ground/throughput.js";
import { goldenPath } from "../../../support/golden.js";
import { testTerminal } from "../../../support/programs/test-terminal.js";

const model = goldenPath("v2", "blobs_2d", "model");

test("counts images a second, and percentiles as numpy does", () => {
  expect(throughput("predict", [10, 30, 20, 40, 50], 2)).toEqual({
    throughput_predict: 66.667,
    latency_predict_mean: 30,
    latency_predict_90: 46,
    latency_predict_95: 48,
    latency_predict_99: 49.6,
  });
});

test.each(["predict", "preprocess"])("measures how fast a model can %s", async (mode) => {
  const terminal = testTerminal(tmpdir());
  const argv = [
    "benchmark",
    mode,
    "--model-dir",
    model,
    "-f",
    "0",
    "--steps",
    "2",
    "--warm-up",
    "1",
    "--json",
  ];
  const size = mode === "predict" ? [] : ["--size", "4", "60", "50"];
  expect(await main([...argv, ...size], terminal), terminal.printed.err).toBe(0);
  const { fields, steps } = JSON.parse(terminal.printed.out) as {
    readonly fields: Readonly<Record<string, number>>;
    readonly steps: number;
  };
  expect(steps).toBe(2);
  expect(Object.keys(fields)).toEqual(
    ["throughput", "latency"].flatMap((name) =>
      name === "throughput"
        ? [`${name}_${mode}`]
        : ["mean", "90", "95", "99"].map((end) => `${name}_${mode}_${end}`),
    ),
  );
  expect(Object.values(fields).every((value) => value > 0)).toBe(true);
});

test.each([
  { argv: ["predict"], says: "--model-dir is missing" },
  { argv: ["predict", "--model-dir", model, "--size", "1", "2"], says: "--size is three numbers" },
  { argv: ["predict", "--model-dir", model, "--steps", "0"], says: "--steps is a whole number from 1" },
  { argv: ["train", "-d", "7"], says: "--dataset and --configuration" },
])("refuses benchmark $argv", async ({ argv, says }) => {
  const terminal = testTerminal(tmpdir());
  expect(await main(["benchmark", ...argv], terminal)).toBe(2);
  expect(terminal.printed.err).toContain(says);
});

test("an image that no memory holds is refused with a code", async () => {
  const terminal = testTerminal(tmpdir());
  const size = ["--size", "100000", "100000", "100000"];
  const argv = ["benchmark", "preprocess", "--model-dir", model, "--steps", "1", ...size];
  expect(await main(argv, terminal)).toBe(5);
  expect(terminal.printed.err).toMatch(/error OUT_OF_MEMORY: more memory is needed than this machine.* \(/);
});
