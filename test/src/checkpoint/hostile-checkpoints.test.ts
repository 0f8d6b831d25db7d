import { execFile } from "node:child_process";
import { cpSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import type { LabelDefinition } from "../../../processor/contract/manifest.js";
import { Field } from "../../../src/checkpoint/fields.js";
import { describeModel } from "../../../src/checkpoint/nnunet-formats.js";
import { channelKeys } from "../../../src/checkpoint/nnunet-v1/inference-plan.js";
import { readNetworkPlanV1 } from "../../../src/checkpoint/nnunet-v1/network-plan.js";
import { trainerFacts } from "../../../src/checkpoint/nnunet-v1/trainer-facts.js";
import { readPostProcessing } from "../../../src/checkpoint/post-processing/read-post-processing.js";
import { readJsonFile } from "../../../src/checkpoint/read-json-file.js";
import { buildZip } from "../../support/archive/zip-builder.js";
import { goldenPath } from "../../support/golden.js";
import { withEditedModel } from "../../support/model/edited-model.js";
import { modelIn } from "../../support/model/model-in.js";
import { PickleWriter } from "../../support/model/pickle-writer.js";
import { scratchFolder } from "../../support/oci/oci-scratch.js";

const program = fileURLToPath(new URL("../../support/model/read-checkpoint.js", import.meta.url));

const refused = "CHECKPOINT_REFUSED";
const damaged = "MODEL_FILE_INVALID";
const noWeight = { shape: [4, 1, 3, 3, 3], async *chunks() {} };

/** Runs in a separate process, whose memory is used only for this file. */
async function outcome(kind: "file" | "model", path: string): Promise<{ code: string; megabytes: number }> {
  const { stdout } = await promisify(execFile)(process.execPath, [program, kind, path], { timeout: 300_000 });
  return JSON.parse(stdout) as { code: string; megabytes: number };
}

const torchZip = (pickle: Uint8Array) => buildZip([{ name: "archive/data.pkl", data: pickle }]);

/** Repeats the opcodes, in a pickle that starts with `start`. */
function repeated(opcodes: readonly number[], times: number, start: readonly number[] = []): Uint8Array {
  const head = [0x80, 4, ...start];
  const bytes = Buffer.alloc(head.length + opcodes.length * times + 1);
  bytes.set(head);
  bytes.fill(Uint8Array.from(opcodes), head.length, bytes.length - 1);
  bytes[bytes.length - 1] = 0x2e;
  return bytes;
}

const letter = (text: string) => text.charCodeAt(0);

/** Stores entries of the memo from the last to the first. */
function outOfTurn(count: number): Uint8Array {
  const bytes = Buffer.alloc(4 + 5 * count);
  bytes.set([0x80, 4, letter("N")]);
  for (let i = 0; i < count; i++) {
    bytes[3 + 5 * i] = letter("r");
    bytes.writeUInt32LE(count - i, 4 + 5 * i);
  }
  bytes[bytes.length - 1] = letter(".");
  return bytes;
}

/** Lists of ten times the list before, 40 levels deep. The text of one of them would have 10⁴⁰ characters. */
function manyLaughs(writer = new PickleWriter()): PickleWriter {
  writer.string("ha").raw("q").opcode(0);
  for (let level = 0; level < 40; level++) {
    writer.raw("(");
    for (let i = 0; i < 10; i++) writer.raw("h").opcode(level);
    writer.raw("lq").opcode(level + 1);
  }
  return writer;
}

/** A text of a megabyte, and a thousand numpy strings made of it. */
function copiedText(): PickleWriter {
  const writer = new PickleWriter();
  writer.global("numpy", "dtype").raw("(").string("S1000000").raw("tRq").opcode(0);
  writer.raw("T").uint32(1_000_000).bytes(new Uint8Array(0));
  for (let i = 0; i < 1000; i++) writer.bytes(new Uint8Array(1000).fill(letter("x")));
  writer.raw("q").opcode(1).global("numpy.core.multiarray", "scalar").raw("q").opcode(2);
  for (let i = 0; i < 1000; i++) writer.raw("h").opcode(2).raw("(h").opcode(0).raw("h").opcode(1).raw("tR");
  return writer;
}

function zerosAndLetter(): PickleWriter {
  const text = new Uint8Array(1_000_000);
  text[text.length - 1] = letter("x");
  const writer = new PickleWriter().global("numpy.core.multiarray", "scalar").raw("(");
  writer.global("numpy", "dtype").raw("(").string("S1000000").raw("tRT").uint32(text.length);
  for (let at = 0; at < text.length; at += 1000) writer.bytes(text.subarray(at, at + 1000));
  return writer.raw("tR");
}

/** A tensor of 2⁴⁰ values over a storage of one value. */
function tensorOfOneValue(): PickleWriter {
  const writer = new PickleWriter().global("torch._utils", "_rebuild_tensor_v2");
  return writer
    .tuple((args) => {
      args
        .tuple((id) =>
          id.string("storage").global("torch", "FloatStorage").string("0").string("cpu").integer(1),
        )
        .raw("Q");
      args.integer(0);
      args.tuple((shape) => shape.integer(2 ** 20).integer(2 ** 20));
      args.tuple((strides) => strides.integer(0).integer(0));
    })
    .raw("R");
}

/**
 * Node itself takes 60 MB, a pickle's values may take 400 MB, and garbage collection is delayed: 760 MB were
 * measured.
 */
const limitMegabytes = 1200;

describe("a checkpoint that would exhaust the memory is refused in bounded memory", () => {
  test.each<readonly [string, () => Uint8Array, string]>([
    ["12 million empty lists", () => repeated([letter("]")], 12e6), refused],
    ["12 million empty dicts", () => repeated([letter("}")], 12e6), refused],
    ["12 million empty sets", () => repeated([0x8f], 12e6), refused],
    ["12 million empty byte strings", () => repeated([letter("C"), 0], 12e6), refused],
    ["12 million marks", () => repeated([letter("(")], 12e6), refused],
    ["40 million entries of the memo", () => repeated([0x94], 40e6, [letter("N")]), refused],
    ["8 million entries of the memo out of sequence", () => outOfTurn(8_000_000), refused],
    ["12 million tuples, each in the next", () => repeated([0x85], 12e6, [letter("N")]), refused],
    ["a thousand copies of a megabyte", () => copiedText().finish(), refused],
    ["a name that is an endless list", () => manyLaughs().string("x").opcode(0x93).finish(), damaged],
    ["a million zeros and a letter as a numpy string", () => zerosAndLetter().finish(), "read"],
    [
      "a dtype that is an endless list",
      () =>
        manyLaughs(new PickleWriter().global("numpy", "dtype").raw("("))
          .raw("t0")
          .global("numpy", "dtype")
          .raw("(h")
          .opcode(40)
          .raw("tR")
          .finish(),
      "read",
    ],
  ])("%s", async (_, pickle, code) => {
    const file = join(scratchFolder(), "hostile.pth");
    writeFileSync(file, torchZip(pickle()));
    const found = await outcome("file", file);
    expect(found.code).toBe(code);
    expect(found.megabytes).toBeLessThan(limitMegabytes);
  });

  test("a tensor that repeats one value 10^12 times is not read", async () => {
    const file = join(scratchFolder(), "hostile.pth");
    const parts = [
      { name: "archive/data.pkl", data: tensorOfOneValue().finish() },
      { name: "archive/data/0", data: new Uint8Array(4) },
    ];
    writeFileSync(file, buildZip(parts));
    expect(await outcome("file", file)).toMatchObject({ code: "read" });
  });
});

describe("a model folder with impossible contents is refused", () => {
  /** Creates a v2 folder whose checkpoint is this pickle. */
  function withCheckpoint(pickle: Uint8Array): string {
    const folder = join(scratchFolder(), "model");
    cpSync(goldenPath("v2", "blobs_2d", "model"), folder, { recursive: true });
    writeFileSync(join(folder, "fold_0", "checkpoint_final.pth"), torchZip(pickle), { flag: "w" });
    return folder;
  }

  test.each<readonly [string, (writer: PickleWriter) => PickleWriter]>([
    [
      "a trainer's name that is an endless list",
      (writer) => manyLaughs(writer).raw("0}").string("trainer_name").raw("h").opcode(40).raw("s"),
    ],
    [
      "a trainer's name that contains itself",
      (writer) =>
        writer
          .raw("]q")
          .opcode(0)
          .raw("h")
          .opcode(0)
          .raw("a0}")
          .string("trainer_name")
          .raw("h")
          .opcode(0)
          .raw("s"),
    ],
    [
      "a number of 500 bits in a list for a name",
      (writer) =>
        writer
          .raw("}")
          .string("trainer_name")
          .raw("]")
          .opcode(0x8a)
          .opcode(62)
          .bytes(new Uint8Array(62).fill(1))
          .raw("as"),
    ],
  ])("%s", async (_, write) => {
    const { code, megabytes } = await outcome("model", withCheckpoint(write(new PickleWriter()).finish()));
    expect(code).toBe("MODEL_FILE_INVALID");
    expect(megabytes).toBeLessThan(limitMegabytes);
  });
});

describe("plans that would fill the memory are refused before it is allocated", () => {
  test.each<readonly [string, Readonly<Record<string, unknown>>, string]>([
    ["a thousand million blocks", { "architecture.arch_kwargs.n_conv_per_stage": 1e9 }, "PLANS_UNSUPPORTED"],
    ["a thousand million stages", { "architecture.arch_kwargs.n_stages": 1e9 }, "PLANS_UNSUPPORTED"],
  ])("%s of v2", async (_, edits, code) => {
    const json = Object.fromEntries(
      Object.entries(edits).map(([path, value]) => [`plans.configurations.odd.${path}`, value]),
    );
    await withEditedModel("networks/plain_3d_thirds", { json }, async (modelDir) => {
      await expect(describeModel(await modelIn(modelDir))).rejects.toMatchObject({ code });
    });
  });

  test("a thousand million channels of v1", () => {
    const plans = new Field(new Map([["num_modalities", 1e9]]), "plans.pkl");
    expect(() => channelKeys(plans)).toThrow(expect.objectContaining({ code: damaged }));
  });

  test("a thousand million poolings of v1", () => {
    const weights = new Map([["conv_blocks_context.0.blocks.0.conv.weight", noWeight]]);
    const stagePlan = new Field({ num_pool_per_axis: [1e9, 1, 1], patch_size: [8, 8, 8] }, "plans.pkl");
    const trainer = trainerFacts("nnUNetTrainerV2");
    const sources = { stagePlan, weights, trainer, inputChannels: 1, outputChannels: 2, source: "x.model" };
    expect(() => readNetworkPlanV1(sources)).toThrow(expect.objectContaining({ code: "PLANS_UNSUPPORTED" }));
  });

  test("a plans.json of 200 MB, without reading it", async () => {
    const file = join(scratchFolder(), "plans.json");
    writeFileSync(file, "{}");
    truncateSync(file, 200e6);
    await expect(readJsonFile(file)).rejects.toMatchObject({
      code: damaged,
      message: expect.stringContaining("200000000 bytes"),
    });
  });
});

describe("an endless post-processing file is refused immediately", () => {
  const labels: LabelDefinition = {
    ...{ names: [], foregroundLabels: [1, 2], regionsClassOrder: null, ignoreLabel: null },
  };
  const keepLargest = "remove_all_but_largest_component_from_segmentation";

  test("labels that contain themselves", async () => {
    const file = join(scratchFolder(), "postprocessing.pkl");
    const writer = new PickleWriter().raw("(](");
    writer.global("nnunetv2.postprocessing.remove_connected_components", keepLargest).raw("e](}");
    writer.string("labels_or_regions").raw("]q").opcode(0).raw("h").opcode(0).raw("aset");
    writeFileSync(file, writer.finish());
    await expect(readPostProcessing(file, labels)).rejects.toMatchObject({ code: damaged });
  });

  test("sizes whose text has many ways to be read", async () => {
    const file = join(scratchFolder(), "postprocessing.json");
    const sizes = `{(${"1".repeat(5000)}`;
    writeFileSync(file, JSON.stringify({ for_which_classes: [1], min_valid_object_sizes: `${sizes}}` }));
    await expect(readPostProcessing(file, labels)).rejects.toMatchObject({ code: damaged });
  });
});
