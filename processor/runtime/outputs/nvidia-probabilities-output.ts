import { open } from "node:fs/promises";
import { floatToHalf } from "../../imaging/volume/float16.js";
import { NpzWriter, npyHeader } from "../../nnunet-files/npz-writer.js";
import { type HeadsScratch, openSpooledFile, placedIn } from "./heads-scratch.js";
import type { AnswerFacts, OutputOf, ProbabilityKind } from "./output-kind.js";

/**
 * The probabilities of all heads as NVIDIA's nnU-Net writes them, `head × z × y × x` of the whole image: `<case>.npy` in
 * float64, or MedImAIR's `<case>.npy.npz` in float16. Outside the crop the logits are 0, so all heads are equal there.
 */
export const nvidiaProbabilitiesOutput: ProbabilityKind<OutputOf<"nvidia-probabilities">> = {
  takes: "probabilities",
  files: (path) => [path],
  mayBeAbsent: false,
  open: ({ path, form }, facts) =>
    openSpooledFile(path, facts, (partial, scratch) =>
      form === "npy" ? writeNpy(partial, scratch, facts) : writeNpz(partial, scratch, facts),
    ),
};

async function writeNpy(partial: string, scratch: HeadsScratch, facts: AnswerFacts): Promise<void> {
  const file = await open(partial, "wx");
  try {
    await file.appendFile(headerOf(facts, "f8"));
    for (let head = 0; head < facts.heads; head++) {
      const values = Float64Array.from(await headOf(head, scratch, facts));
      await file.appendFile(new Uint8Array(values.buffer));
    }
  } finally {
    await file.close();
  }
}

async function writeNpz(partial: string, scratch: HeadsScratch, facts: AnswerFacts): Promise<void> {
  const writer = await NpzWriter.create(partial);
  try {
    await writer.begin("arr_0.npy");
    await writer.write(headerOf(facts, "f2"));
    for (let head = 0; head < facts.heads; head++) {
      const values = Uint16Array.from(await headOf(head, scratch, facts), floatToHalf);
      await writer.write(new Uint8Array(values.buffer));
    }
    await writer.end();
    await writer.close();
  } finally {
    await writer.abandon();
  }
}

const headerOf = ({ heads, history }: AnswerFacts, type: "f8" | "f2"): Buffer =>
  npyHeader([heads, ...history.originalGeometry.sizeZyx], type);

async function headOf(head: number, scratch: HeadsScratch, facts: AnswerFacts): Promise<Float32Array> {
  const { heads, labels, history, plan } = facts;
  const grid = {
    sizeZyx: history.originalGeometry.sizeZyx,
    boxZyx: history.cropBoxZyx,
    transposeForward: plan.transposeForward,
  };
  const outside = labels.regionsClassOrder === null ? 1 / heads : 0.5;
  return placedIn(grid, { cropped: await scratch.readHead(head), outside });
}
