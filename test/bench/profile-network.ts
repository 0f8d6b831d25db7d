/**
 * Prints where ONNX Runtime spends its time in a network.gpu.onnx, as a JSON list of operators, longest first.
 *
 * usage: node profile-network.js MAIN_JS NETWORK cuda|cpu
 * MAIN_JS is the processor's main.js, whose ONNX Runtime is used.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type * as OnnxRuntime from "onnxruntime-node";

/** One operator on one execution provider. */
export interface OperatorTime {
  readonly operator: string;
  readonly milliseconds: number;
  readonly count: number;
}

interface ProfileEvent {
  readonly cat: string;
  readonly name: string;
  /** Microseconds. */
  readonly dur: number;
  readonly args?: { readonly op_name?: string; readonly provider?: string };
}

/** The number of nnU-Net's mirrorings of a 3-D window. */
const runsOfWindow = 8;

process.env["ORT_DISABLE_TELEMETRY"] = "1";
const [mainFile, network, device] = process.argv.slice(2) as [string, string, string];
const ort = createRequire(mainFile)("onnxruntime-node") as typeof OnnxRuntime;
const folder = mkdtempSync(join(tmpdir(), "profile-"));
try {
  const session = await ort.InferenceSession.create(network, {
    executionProviders: [device],
    graphOptimizationLevel: "all",
    enableProfiling: true,
    profileFilePrefix: join(folder, "profile"),
  });
  const inputs = windowInputs(session);
  // The first run also chooses the convolution algorithms; three more show what the operators cost.
  for (let i = 0; i < 4; i++) await session.run(inputs);
  session.endProfiling();
  await session.release();
  const [file] = readdirSync(folder);
  const events = JSON.parse(readFileSync(join(folder, file!), "utf8")) as readonly ProfileEvent[];
  console.log(JSON.stringify(operatorTimes(events)));
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function operatorTimes(events: readonly ProfileEvent[]): readonly OperatorTime[] {
  const times = new Map<string, { milliseconds: number; count: number }>();
  for (const { cat, name, dur, args } of events) {
    if (cat !== "Kernel" && !(cat === "Node" && name.endsWith("_kernel_time"))) continue;
    const operator = [args?.op_name ?? name.slice(0, 90), args?.provider ?? ""].join(" ").trim();
    const { milliseconds, count } = times.get(operator) ?? { milliseconds: 0, count: 0 };
    times.set(operator, { milliseconds: milliseconds + dur / 1000, count: count + 1 });
  }
  return [...times]
    .map(([operator, time]) => ({ operator, ...time }))
    .toSorted((a, b) => b.milliseconds - a.milliseconds);
}

/** Returns the inputs of one run: a window of noise, with every mirroring of a 3-D patch. */
function windowInputs(session: OnnxRuntime.InferenceSession): Record<string, OnnxRuntime.Tensor> {
  return Object.fromEntries(
    session.inputMetadata.map((input) => {
      if (!input.isTensor) throw new Error(`input ${input.name} is not a tensor`);
      const sizes = input.shape.map((size) => (typeof size === "number" && size > 0 ? size : null));
      if (input.name === "windows") {
        const shape = sizes.map((size) => size ?? 1);
        const voxels = new Float32Array(shape.reduce((product, size) => product * size, 1));
        return [
          input.name,
          new ort.Tensor(
            "float32",
            voxels.map(() => Math.random() - 0.5),
            shape,
          ),
        ];
      }
      if (input.name === "folds")
        return [input.name, new ort.Tensor("int64", new BigInt64Array(runsOfWindow), [runsOfWindow])];
      const bit = ["orders_x", "orders_y", "orders_z"].indexOf(input.name);
      const length = sizes[1]!;
      const orders = BigInt64Array.from({ length: runsOfWindow * length }, (_, i) => {
        const [run, at] = [Math.floor(i / length), i % length];
        return BigInt((run >> bit) & 1 ? length - 1 - at : at);
      });
      return [input.name, new ort.Tensor("int64", orders, [runsOfWindow, length])];
    }),
  );
}
