import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ProcessorError } from "../../../../processor/contract/errors.js";
import { Field } from "../../../../src/checkpoint/fields.js";
import { networkWeights } from "../../../../src/checkpoint/network-weights.js";
import { readPickle } from "../../../../src/checkpoint/pickle/read-pickle.js";
import { float32Chunks } from "../../../../src/checkpoint/torch/read-tensor.js";
import { readTorchFile } from "../../../../src/checkpoint/torch/read-torch-file.js";
import type { Tensor } from "../../../../src/checkpoint/torch/tensor.js";
import { checkpointGlobals } from "../../../../src/checkpoint/torch/torch-globals.js";
import { buildZip, type ZipPart } from "../../../support/archive/zip-builder.js";
import { repositoryRoot } from "../../../support/golden.js";
import { PickleWriter } from "../../../support/model/pickle-writer.js";

const fixtures = join(repositoryRoot, "test", "fixtures");
const zipCheckpoint = readFileSync(join(fixtures, "networks/plain_two_stages/fold_0/checkpoint_final.pth"));
const legacyCheckpoint = readFileSync(
  join(fixtures, "networks_v1/generic_2d/fold_0/model_final_checkpoint.model"),
);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "torch-file-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function write(bytes: Uint8Array): string {
  const file = join(folder, "checkpoint.pth");
  writeFileSync(file, bytes);
  return file;
}

interface TensorClaims {
  readonly storageType?: string;
  readonly storageElements?: number;
  readonly offset?: number;
  readonly shape?: readonly number[];
  readonly strides?: readonly number[];
}

/** Writes the pickle of one tensor in storage "0". */
function tensorPickle(claims: TensorClaims = {}): Uint8Array {
  const {
    storageType = "FloatStorage",
    storageElements = 6,
    offset = 0,
    shape = [2, 3],
    strides = [3, 1],
  } = claims;
  const numbers = (values: readonly number[]) => (writer: PickleWriter) => {
    for (const value of values) writer.integer(value);
  };
  return new PickleWriter()
    .global("torch._utils", "_rebuild_tensor_v2")
    .tuple((args) => {
      args.tuple((id) => {
        id.string("storage").global("torch", storageType).string("0").string("cpu").integer(storageElements);
      });
      args.raw("Q").integer(offset).tuple(numbers(shape)).tuple(numbers(strides)).opcode(0x89);
      args.global("collections", "OrderedDict").raw(")R");
    })
    .raw("R")
    .finish();
}

const values = new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, 6).buffer);

const torchZip = (pickle: Uint8Array, storage: Partial<ZipPart> = {}, more: readonly ZipPart[] = []) =>
  buildZip([
    { name: "archive/data.pkl", data: pickle },
    { name: "archive/data/0", data: values, ...storage },
    ...more,
  ]);

async function readAll(tensor: Tensor): Promise<number[]> {
  const all: number[] = [];
  for await (const chunk of float32Chunks(tensor)) all.push(...chunk);
  return all;
}

describe("a tensor is read from its position in the file", () => {
  test.each([
    { name: "in storage order", claims: {}, expected: [1, 2, 3, 4, 5, 6] },
    { name: "transposed", claims: { shape: [3, 2], strides: [1, 3] }, expected: [1, 4, 2, 5, 3, 6] },
    { name: "from an offset", claims: { offset: 4, shape: [2], strides: [1] }, expected: [5, 6] },
    { name: "expanded", claims: { shape: [2, 2], strides: [0, 5] }, expected: [1, 6, 1, 6] },
    { name: "a single value", claims: { offset: 2, shape: [], strides: [] }, expected: [3] },
    { name: "without values", claims: { shape: [0, 3], strides: [3, 1] }, expected: [] },
  ])("$name", async ({ claims, expected }) => {
    const tensor = (await readTorchFile(write(torchZip(tensorPickle(claims))))) as Tensor;
    expect(await readAll(tensor)).toEqual(expected);
  });

  test.each([
    ["DoubleStorage", new Float64Array([0.5, -2])],
    ["HalfStorage", new Uint16Array([0x3800, 0xc000])],
    ["BFloat16Storage", new Uint16Array([0x3f00, 0xc000])],
  ])("whatever its type: %s", async (storageType, data) => {
    const pickle = tensorPickle({ storageType, storageElements: 2, shape: [2], strides: [1] });
    const zip = torchZip(pickle, { data: new Uint8Array(data.buffer) });
    expect(await readAll((await readTorchFile(write(zip))) as Tensor)).toEqual([0.5, -2]);
  });
});

describe("a checkpoint with objects of the training that inference does not need is read", () => {
  test.each(["harmless.pth", "harmless_legacy.pth"])("%s", async (name) => {
    const file = join(repositoryRoot, "test/fixtures/checkpoints", name);
    const checkpoint = new Field(await readTorchFile(file), file);
    expect(checkpoint.get("trainer_name").string()).toBe("nnUNetTrainer");
    const weights = networkWeights(checkpoint.get("network_weights").raw, file);
    expect([...weights.keys()]).toEqual(["w"]);
    for (const unused of ["torch_sparse", "torch_float8", "torch_complex", "torch_expanded", "torch_meta"]) {
      const found = new Map([["w", checkpoint.get("extra").get(unused).raw]]);
      expect(() => networkWeights(found, file)).toThrow("the network weight w should be a tensor of numbers");
    }
  });
});

describe("network weights are read from a dict of any class, which is never built", () => {
  test.each(["state_dicts.pth", "state_dicts_legacy.pth"])("%s", async (name) => {
    const file = join(repositoryRoot, "test/fixtures/checkpoints", name);
    const kinds = new Field(await readTorchFile(file), file);
    expect(kinds.keys()).toHaveLength(18);
    for (const [kind, stateDict] of kinds.entries()) {
      const weights = networkWeights(stateDict.raw, kind);
      expect([...weights.keys()], kind).toEqual(["w"]);
      const values: number[] = [];
      for await (const chunk of weights.get("w")!.chunks()) values.push(...chunk);
      expect(values, kind).toEqual([1, 2]);
    }
  });

  test.each([
    ["an object without entries", new PickleWriter().global("my.module", "Weights").raw(")R")],
    [
      "a dict without entries",
      new PickleWriter().global("my.module", "Weights").raw("}").opcode(0x85).raw("R"),
    ],
    ["two arguments", new PickleWriter().global("my.module", "Weights").raw("}}").opcode(0x86).raw("R")],
  ])("%s is not a network", (_, pickle) => {
    const globals = checkpointGlobals("x");
    const { value } = readPickle(pickle.finish(), { source: "x", globals });
    expect(() => networkWeights(value, "x")).toThrow("x has no network weights");
  });

  test("a dict that contains itself as its argument", () => {
    const writer = new PickleWriter()
      .global("my.module", "Weights")
      .raw("]q\0")
      .opcode(0x85)
      .raw("Rq\x01h\0h\x01a0h\x01.");
    const { value } = readPickle(writer.finish(), { source: "x", globals: checkpointGlobals("x") });
    expect(() => networkWeights(value, "x")).toThrow("x has no network weights");
  });
});

describe("a file that is not what it claims is refused:", () => {
  test.each<[name: string, bytes: () => Uint8Array, code: string, message: string]>([
    ["an empty file", () => new Uint8Array(), "CHECKPOINT_TRUNCATED", "0 bytes"],
    [
      "a web page",
      () => Buffer.from("<!doctype html>"),
      "CHECKPOINT_UNSUPPORTED",
      "not a file of torch.save",
    ],
    [
      "another pickle",
      () => Uint8Array.of(0x80, 2, 0x4e, 0x2e),
      "CHECKPOINT_UNSUPPORTED",
      "not a file of torch.save",
    ],
    [
      "another zip",
      () => buildZip([{ name: "readme.txt", data: "hello" }]),
      "CHECKPOINT_UNSUPPORTED",
      "holds no data.pkl",
    ],
    [
      "a missing storage",
      () => torchZip(tensorPickle(), { name: "archive/data/1" }),
      "CHECKPOINT_TRUNCATED",
      "storage 0 should have 24 bytes, the file holds none",
    ],
    [
      "a storage that is shorter than claimed",
      () => torchZip(tensorPickle({ storageElements: 2 ** 30 })),
      "CHECKPOINT_TRUNCATED",
      "should have 4294967296 bytes, the file holds 24",
    ],
    [
      "a tensor larger than its storage",
      () => torchZip(tensorPickle({ shape: [1000, 1000], strides: [1000, 1] })),
      "CHECKPOINT_TRUNCATED",
      "shape 1000×1000 needs 1000000 values, its storage has 6",
    ],
    [
      "a negative shape",
      () => torchZip(tensorPickle({ shape: [-2, 3] })),
      "MODEL_FILE_INVALID",
      "a tensor without",
    ],
    [
      "a compressed storage",
      () => torchZip(tensorPickle(), { deflate: true }),
      "CHECKPOINT_UNSUPPORTED",
      "compressed",
    ],
    [
      "members that overlap",
      () => torchZip(tensorPickle(), {}, [{ name: "archive/data/1", data: values, sharesDataOf: 1 }]),
      "CHECKPOINT_REFUSED",
      "overlaps another member",
    ],
    [
      "a directory of a million members",
      () => buildZip([{ name: "archive/data.pkl", data: tensorPickle() }], { claimedEntries: 1_000_000 }),
      "CHECKPOINT_REFUSED",
      "1000000 members",
    ],
    [
      "a member's name of 60 kB",
      () => torchZip(tensorPickle(), {}, [{ name: `archive/${"x".repeat(60_000)}` }]),
      "CHECKPOINT_REFUSED",
      "name of 60008 characters",
    ],
    [
      "the byte order of another machine",
      () => torchZip(tensorPickle(), {}, [{ name: "archive/byteorder", data: "big" }]),
      "CHECKPOINT_UNSUPPORTED",
      "byte order big",
    ],
    [
      "code where data should be",
      () =>
        torchZip(
          new PickleWriter()
            .global("os", "system")
            .tuple((args) => args.string("id"))
            .raw("R")
            .finish(),
        ),
      "CHECKPOINT_UNSAFE",
      "asks to load os.system",
    ],
  ])("%s", async (_, bytes, code, message) => {
    const attempt = readTorchFile(write(bytes()));
    await expect(attempt).rejects.toMatchObject({ code });
    await expect(attempt).rejects.toThrow(message);
  });

  test("a pickle of 200 MB, before it is read", async () => {
    const file = join(folder, "sparse.pth");
    const header = buildZip([{ name: "archive/data.pkl", data: "", size: 2e8, compressedSize: 2e8 }]);
    writeFileSync(file, header);
    await expect(readTorchFile(file)).rejects.toMatchObject({
      code: expect.stringMatching(/^CHECKPOINT_(TRUNCATED|REFUSED)$/),
    });
  });
});

describe("a file that ends too early is CHECKPOINT_TRUNCATED wherever it was cut", () => {
  test.each([
    ["zip", zipCheckpoint],
    ["legacy", legacyCheckpoint],
  ])("%s", async (_, checkpoint) => {
    for (let part = 1; part < 40; part++) {
      const length = Math.floor((checkpoint.length * part) / 40);
      await expect(readTorchFile(write(checkpoint.subarray(0, length)))).rejects.toMatchObject({
        code: "CHECKPOINT_TRUNCATED",
      });
    }
  });
});

describe("a file with wrong bytes is read or refused, but nothing else happens", () => {
  test.each([
    ["zip", zipCheckpoint],
    ["legacy", legacyCheckpoint],
  ])("%s", async (_, checkpoint) => {
    const random = lehmer(20_240_711);
    let refused = 0;
    for (let i = 0; i < 400; i++) {
      const damaged = Buffer.from(checkpoint);
      for (let k = 0; k < 3; k++) damaged[Math.floor(random() * damaged.length)] = Math.floor(random() * 256);
      // Half of the bytes are near the start of the file, where the pickle is.
      damaged[Math.floor(random() * Math.min(8000, damaged.length))] = Math.floor(random() * 256);
      try {
        await readTorchFile(write(damaged));
      } catch (error) {
        if (!(error instanceof ProcessorError)) throw error;
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(100);
  });
});

/** Park and Miller's generator, so that a failure can be reproduced. */
function lehmer(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}
