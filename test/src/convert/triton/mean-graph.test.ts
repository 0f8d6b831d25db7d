import { InferenceSession, Tensor } from "onnxruntime-node";
import { expect, test } from "vitest";
import { meanGraph } from "../../../../src/convert/triton/mean-graph.js";
import { encodeModel } from "../../../../src/onnx/encode-model.js";
import type { AveragedOutput } from "../../../../src/onnx/gpu-graph.js";

const logits = [
  [2, -1, 0.5],
  [-3, 0.25, 4],
];

const softmax = (values: readonly number[]) => {
  const sum = values.reduce((total, value) => total + Math.exp(value), 0);
  return values.map((value) => Math.exp(value) / sum);
};

test.each<[AveragedOutput, (values: readonly number[]) => readonly number[]]>([
  ["logits", (values) => values],
  ["softmax", softmax],
  ["sigmoid", (values) => values.map((value) => 1 / (1 + Math.exp(-value)))],
])("the mean over two folds of %s", async (averaged, of) => {
  const body = meanGraph({ folds: 2, averaged, output: "answer", shape: ["batch", 3, 1, 1] });
  const session = await InferenceSession.create(encodeModel({ body, data: [] }));
  const tensor = (values: readonly number[]) => new Tensor("float32", values, [1, 3, 1, 1]);
  const { answer } = await session.run({ logits_0: tensor(logits[0]!), logits_1: tensor(logits[1]!) });
  const [first, second] = logits.map(of) as [readonly number[], readonly number[]];
  const found = [...(answer as Tensor & { readonly data: Float32Array }).data];
  for (const [i, value] of found.entries()) expect(value).toBeCloseTo((first[i]! + second[i]!) / 2, 6);
});
