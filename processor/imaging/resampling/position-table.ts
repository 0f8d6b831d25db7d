import { roundHalfToEven } from "../volume/round-half-to-even.js";
import type { AxisTable } from "./axis-table.js";

/** Returns the table of given positions on an axis of `size` samples. */
export function positionTable(
  positions: Float64Array,
  size: number,
  mode: "bilinear" | "nearest",
): AxisTable {
  const lower = new Int32Array(positions.length);
  const upper = new Int32Array(positions.length);
  const weight = new Float64Array(positions.length);
  for (let i = 0; i < positions.length; i++) {
    const position = Math.min(Math.max(positions[i]!, 0), size - 1);
    const below = mode === "nearest" ? roundHalfToEven(position) : Math.floor(position);
    lower[i] = below;
    upper[i] = mode === "nearest" ? below : Math.min(below + 1, size - 1);
    weight[i] = mode === "nearest" ? 0 : position - below;
  }
  return { lower, upper, weight };
}
