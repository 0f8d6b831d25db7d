import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ProcessorError } from "../../../processor/contract/errors.js";
import { ProtobufWriter } from "../../../src/onnx/protobuf-writer.js";
import { readOnnxModel } from "../../../src/onnx/read-onnx.js";
import { repositoryRoot } from "../../support/golden.js";
import { withConvertedModel } from "../../support/model/convert.js";

const fixtures = join(repositoryRoot, "test", "fixtures");
/** 4 × 2 × 3³ and 4, two of 4 in the norm, 3 × 4 and 3. */
const parameters = 216 + 4 + 8 + 12 + 3;

let scratch = "";
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "read-onnx-"));
});
afterAll(() => rmSync(scratch, { recursive: true }));

describe("for a network that PyTorch exported, it reads", () => {
  test("inputs, outputs, opset and number of parameters", () => {
    const file = join(fixtures, "onnx", "fixed.onnx");
    expect(readOnnxModel(file)).toEqual({
      file,
      producer: expect.stringMatching(/^pytorch 2\./),
      irVersion: 8,
      opset: 17,
      foreignDomains: [],
      inputs: [{ name: "image", shape: [1, 2, 8, 12, 16], elementType: "float32" }],
      outputs: [{ name: "logits", shape: [1, 3, 8, 12, 16], elementType: "float32" }],
      parameters,
      externalFiles: [],
    });
  });

  test("dynamic axes as names, and no weight as an input even if the file lists weights as inputs", () => {
    const { inputs, outputs, opset } = readOnnxModel(join(fixtures, "onnx", "dynamic.onnx"));
    expect(inputs).toEqual([{ name: "image", shape: ["batch", 2, "z", "y", "x"], elementType: "float32" }]);
    expect(outputs[0]?.shape?.slice(0, 2)).toEqual(["batch", 3]);
    expect(opset).toBe(14);
  });

  test("half precision", () => {
    const model = readOnnxModel(join(fixtures, "onnx", "half.onnx"));
    expect(model.inputs[0]?.elementType).toBe("float16");
    expect(model.parameters).toBe(parameters);
  });
});

test("a converted network has the manifest's number of parameters, and its weights are next to it", async () => {
  await withConvertedModel(join(fixtures, "networks", "plain_3d_thirds"), async ({ folder, manifest }) => {
    const { network } = manifest.models[0]!;
    const model = readOnnxModel(join(folder, "fold_0.onnx"));
    expect(model.parameters).toBe(network.parameters);
    const { length } = readFileSync(join(folder, "fold_0.weights"));
    expect(model.externalFiles).toEqual([{ location: "fold_0.weights", leastBytes: length }]);
    expect(model.inputs.map(({ name }) => name)).toEqual(["input"]);
  });
});

describe("it refuses", () => {
  const written = (name: string, bytes: Uint8Array): string => {
    const file = join(scratch, name);
    writeFileSync(file, bytes);
    return file;
  };
  const withGraph = (write: (graph: ProtobufWriter) => void): Uint8Array =>
    new ProtobufWriter().integer(1, 8).message(7, write).finish();
  const refusal = (file: string) => {
    try {
      return readOnnxModel(file);
    } catch (error) {
      return error;
    }
  };

  test.each<readonly [string, Uint8Array, string]>([
    ["an empty file", new Uint8Array(0), "no graph"],
    ["a text", Buffer.from("<!DOCTYPE html><html>"), "byte"],
    ["a zip", Buffer.from("504b0304140000000800", "hex"), "byte"],
    ["a model without a graph", new ProtobufWriter().integer(1, 8).finish(), "no graph"],
    ["two graphs", Buffer.concat([withGraph(() => {}), withGraph(() => {})]), "two graphs"],
    ["a length of 2⁶²", Buffer.from([0x3a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f]), "claims"],
    ["an integer that does not end", Buffer.alloc(64, 0xff), "does not start an integer"],
    [
      "a weight of an impossible shape",
      withGraph((graph) => graph.message(5, (t) => t.packedIntegers(1, [2 ** 40, 2 ** 40]).integer(2, 1))),
      "impossible shape",
    ],
    [
      "a tensor of a million axes",
      withGraph((graph) => graph.message(5, (t) => t.bytes(1, new Uint8Array(1e6).fill(1)))),
      "32 axes",
    ],
    [
      "a name of a megabyte",
      withGraph((graph) => graph.message(11, (value) => value.bytes(1, new Uint8Array(1e6)))),
      "a text of 1000000 bytes",
    ],
    ...["../secret", "/etc/passwd", "a/../../b", "C:\\weights", "\\\\host\\share"].map(
      (location) =>
        [
          `weights in ${location}`,
          withGraph((graph) =>
            graph.message(5, (t) =>
              t.integer(2, 1).message(13, (m) => m.string(1, "location").string(2, location)),
            ),
          ),
          "outside its folder",
        ] as const,
    ),
  ])("%s", (name, bytes, message) => {
    const error = refusal(written(name.replaceAll(/\W/g, "-"), bytes));
    expect(error).toMatchObject({ code: "MODEL_FILE_INVALID", message: expect.stringContaining(message) });
  });

  test("a truncated model", () => {
    const file = written("cut.onnx", readFileSync(join(fixtures, "onnx", "fixed.onnx")));
    truncateSync(file, 1000);
    expect(refusal(file)).toMatchObject({
      code: "MODEL_FILE_INVALID",
      message: expect.stringContaining("claims"),
    });
  });

  test("a million inputs, in constant memory", () => {
    const file = written("many.onnx", new Uint8Array(0));
    const inputs = Buffer.alloc(1e6 * 2);
    for (let i = 0; i < inputs.length; i += 2) inputs[i] = 11 * 8 + 2;
    appendFileSync(file, new ProtobufWriter().integer(1, 8).bytes(7, inputs).finish());
    expect(refusal(file)).toMatchObject({ message: expect.stringContaining("more than 50000") });
  });

  test("a file that does not exist", () => {
    expect(refusal(join(scratch, "none.onnx"))).toMatchObject({ code: "MODEL_FILE_INVALID" });
  });
});

test("a model with wrong bytes is read or refused, but nothing else happens", () => {
  const model = readFileSync(join(fixtures, "onnx", "dynamic.onnx"));
  const file = join(scratch, "damaged.onnx");
  let state = 20_240_711;
  // Park and Miller's generator, so that a failure can be reproduced.
  const random = (below: number) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
  let refused = 0;
  for (let i = 0; i < 1000; i++) {
    const damaged = Buffer.from(model);
    for (let k = 0; k < 4; k++) damaged[random(damaged.length)] = random(256);
    writeFileSync(file, damaged);
    try {
      readOnnxModel(file);
    } catch (error) {
      if (!(error instanceof ProcessorError)) throw error;
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(50);
});

test("a file of 4 GB is read without reading its weights", () => {
  const file = join(scratch, "sparse.onnx");
  const weightBytes = 4 * 2 ** 30;
  const varint = (value: number) => new ProtobufWriter().integer(1, value).finish().subarray(1);
  const key = (field: number) => Uint8Array.of(...varint(field * 8 + 2));
  const head = new ProtobufWriter()
    .packedIntegers(1, [2 ** 15, 2 ** 15])
    .integer(2, 1)
    .finish();
  const initializer = Buffer.concat([head, key(9), varint(weightBytes)]);
  const graph = Buffer.concat([key(5), varint(initializer.length + weightBytes), initializer]);
  writeFileSync(
    file,
    Buffer.concat([
      new ProtobufWriter().integer(1, 8).finish(),
      key(7),
      varint(graph.length + weightBytes),
      graph,
    ]),
  );
  truncateSync(file, readFileSync(file).length + weightBytes);
  expect(readOnnxModel(file).parameters).toBe(2 ** 30);
});
