import { permute, stridesOf, type Zyx } from "../../imaging/volume/axes.js";

type Box = Zyx<readonly [from: number, to: number]>;

export interface CopyBoxTask {
  /** `z × y × x` on the file's own axes. */
  readonly input: Float32Array | Uint8Array | Uint16Array;
  readonly inputSizeZyx: Zyx;
  /** Axis `i` of the output is axis `order[i]` of the input. */
  readonly order: Zyx;
  /** The box to cut out: half-open, on the output's axes. */
  readonly box: Box;
  readonly output: Float32Array | Int16Array;
}

/** Cuts a box out of a volume and permutes its axes. */
export function copyBox({ input, inputSizeZyx, order, box, output }: CopyBoxTask): void {
  const [strideZ, strideY, strideX] = permute(stridesOf(inputSizeZyx), order);
  const [[z0, z1], [y0, y1], [x0, x1]] = box;
  let target = 0;
  for (let z = z0; z < z1; z++) {
    for (let y = y0; y < y1; y++) {
      let source = z * strideZ + y * strideY + x0 * strideX;
      if (strideX === 1) {
        output.set(input.subarray(source, source + x1 - x0), target);
        target += x1 - x0;
        continue;
      }
      for (let x = x0; x < x1; x++, source += strideX) output[target++] = input[source]!;
    }
  }
}
