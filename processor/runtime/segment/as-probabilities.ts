import type { MonaiRules } from "../../contract/monai-rules.js";
import type { LogitSlab, LogitStream } from "../inference/logit-slab.js";
import type { RuntimePool } from "../threads/kernels.js";

/** Applies a bundle's activation to the network's output, because MONAI interpolates what follows it. */
export function asProbabilities(
  stream: LogitStream,
  activation: MonaiRules["activation"],
  pool: RuntimePool,
): LogitStream {
  if (activation === "none") return stream;
  async function* slabs(): AsyncGenerator<LogitSlab> {
    for await (const slab of stream.slabs) {
      const { values, heads, sizeZyx } = slab;
      const plane = sizeZyx[1] * sizeZyx[2];
      await pool.run("applyNonlinearity", {
        values,
        heads,
        plane,
        kind: activation as "softmax" | "sigmoid",
      });
      yield { ...slab, kind: "probabilities" };
    }
  }
  return { ...stream, kind: "probabilities", slabs: slabs() };
}
