import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import {
  holdFeatureMaps,
  type NetworkSet,
  openNetworkSet,
} from "../../../../processor/runtime/inference/network-set.js";
import type { LoadedMember } from "../../../../processor/runtime/model/load-model.js";
import { writeConvolutionNetwork } from "../../../support/model/convolution-network.js";
import {
  collectLogits,
  planOfPatch,
  predictOptions,
  preparedVolume,
} from "../../../support/model/inference-case.js";

const scratch = mkdtempSync(join(tmpdir(), "network-set-"));
const patchSize = [4, 4, 4];
let members: LoadedMember[] = [];

/** Networks that multiply their input by 1, 2 and 3. */
beforeAll(async () => {
  members = await Promise.all(
    [1, 2, 3].map(async (factor) => {
      const convolution = { weight: [factor, 0, 0, factor], bias: [0, 0] };
      const path = join(scratch, `times_${factor}`);
      const file = await writeConvolutionNetwork(convolution, { path, channels: 2, patchSize, kernel: 1 });
      return {
        ...{ onnxFiles: [file], weightBytes: 1000, previousStage: null },
        model: { plan: { patchSize }, network: { inputChannels: 2, outputChannels: 2 } },
      } as unknown as LoadedMember;
    }),
  );
});
afterAll(() => rmSync(scratch, { recursive: true }));

let set: NetworkSet | undefined;
afterEach(async () => {
  await set?.close();
  set = undefined;
});

async function answerOf(member: LoadedMember): Promise<number> {
  const networks = await set!.of(member);
  const volume = preparedVolume(new Float32Array(2 * 64).fill(1), [4, 4, 4], 2);
  const logits = await collectLogits(
    networks.predict(volume, predictOptions({ plan: planOfPatch(patchSize) })),
  );
  return Math.round(logits[0]!);
}

describe("the networks of several members", () => {
  test("stay loaded if memory is sufficient for all of them", async () => {
    set = openNetworkSet({
      members,
      device: "cpu",
      precision: "auto",
      inferenceEngine: "auto",
      threads: null,
      availableBytes: 1e9,
    });
    const [first] = members as [LoadedMember];
    const networks = await set.of(first);
    expect(await Promise.all(members.map((member) => set!.of(member)))).toHaveLength(3);
    expect(await set.of(first)).toBe(networks);
  });

  test("are loaded one after the other if memory is too small, each time that they are requested", async () => {
    set = openNetworkSet({
      members,
      device: "cpu",
      precision: "auto",
      inferenceEngine: "auto",
      threads: null,
      availableBytes: 1000,
    });
    const [first, second, third] = members as [LoadedMember, LoadedMember, LoadedMember];
    const networks = await set.of(first);
    for (const [member, factor] of [
      [first, 1],
      [second, 2],
      [third, 3],
      [first, 1],
    ] as const)
      expect(await answerOf(member)).toBe(factor);
    expect(await set.of(first)).not.toBe(networks);
  });

  test("can be freed as soon as their work is done, before the next ones are loaded", async () => {
    set = openNetworkSet({
      members,
      device: "cpu",
      precision: "auto",
      inferenceEngine: "auto",
      threads: null,
      availableBytes: 1e9,
      mostOpen: 2,
    });
    const [first, second] = members as [LoadedMember, LoadedMember];
    const networks = await set.of(first);
    expect(await answerOf(first)).toBe(1);
    await set.release(first);
    set.loadAhead(second);
    expect(await answerOf(second)).toBe(2);
    expect(await set.of(first)).not.toBe(networks);
    expect(await answerOf(first)).toBe(1);
  });

  test("are checked at once, the earliest stage first", async () => {
    const missing = { ...members[0]!, onnxFiles: [join(scratch, "none.onnx")] };
    const cascade = { ...members[1]!, previousStage: missing };
    await expect(
      openNetworkSet({
        members: [cascade],
        device: "cpu",
        precision: "auto",
        inferenceEngine: "auto",
        threads: null,
        availableBytes: 1e9,
      }).opened,
    ).rejects.toMatchObject({ code: "INFERENCE_FAILED", message: expect.stringContaining("none.onnx") });
  });
});

describe("memory for feature maps", () => {
  const large = (folds: number) =>
    ({
      onnxFiles: Array.from({ length: folds }, (_, i) => `fold_${i}.onnx`),
      model: { plan: { patchSize: [128, 128, 128] } },
    }) as unknown as LoadedMember;
  const gigabytes = 2 ** 30;

  test("is kept by one large network on a usual machine, but not by five folds or three models", () => {
    expect(holdFeatureMaps([large(1)], 16 * gigabytes)).toBe(true);
    expect(holdFeatureMaps([large(5)], 16 * gigabytes)).toBe(false);
    expect(holdFeatureMaps([large(1), large(1), large(1)], 16 * gigabytes)).toBe(false);
    expect(holdFeatureMaps([large(5)], 64 * gigabytes)).toBe(true);
  });

  test("is freed after every window if memory is scarce", () => {
    expect(holdFeatureMaps([large(1)], 4 * gigabytes)).toBe(false);
  });
});
