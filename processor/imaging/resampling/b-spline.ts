/** The number of edge samples that scipy repeats on both sides before it filters for `mode="nearest"` (its `npad`). */
export const splinePadding = 12;

/** The poles of the filter that turns samples into the coefficients of a spline, by the spline's order. */
const poles: Readonly<Record<number, readonly number[]>> = {
  2: [-0.1715728752538099],
  3: [-0.2679491924311227],
  4: [-0.36134122590022016, -0.013725429297339121],
  5: [-0.4305753470999738, -0.04309628820326465],
};

/** Returns the poles of an order. Orders 0 and 1 have none, because their coefficients are the samples. */
export const splinePoles = (order: number): readonly number[] => poles[order] ?? [];

/** Returns the factor that the filter's recursions leave out. */
export const splineGain = (poles: readonly number[]): number =>
  poles.reduce((gain, pole) => gain * ((1 - pole) * (1 - 1 / pole)), 1);

/** Returns the index of the first of the `order + 1` coefficients that a coordinate needs. */
export const firstCoefficient = (order: number, x: number): number =>
  Math.floor(order % 2 === 1 ? x : x + 0.5) - Math.floor(order / 2);

/**
 * Writes the weights of the `order + 1` coefficients around a coordinate, for orders 1 to 5. As in scipy, the last
 * weight is one minus the others.
 */
export function writeSplineWeights(weights: Float64Array, start: number, order: number, x: number): void {
  const t = x - Math.floor(order % 2 === 1 ? x : x + 0.5);
  const rest = 1 - t;
  const edge = 0.5 - t;
  switch (order) {
    case 1:
      weights[start] = rest;
      break;
    case 2:
      weights[start] = 0.5 * edge * edge;
      weights[start + 1] = 0.75 - t * t;
      break;
    case 3:
      weights[start] = (rest * rest * rest) / 6;
      weights[start + 1] = (t * t * (t - 2) * 3 + 4) / 6;
      weights[start + 2] = (rest * rest * (rest - 2) * 3 + 4) / 6;
      break;
    case 4: {
      const square = t * t;
      weights[start] = (edge * edge * (edge * edge)) / 24;
      weights[start + 1] = outerQuartic(1 + t);
      weights[start + 2] = square * (square * 0.25 - 0.625) + 115 / 192;
      weights[start + 3] = outerQuartic(rest);
      break;
    }
    default:
      weights[start] = (rest * (rest * rest) * (rest * rest)) / 120;
      weights[start + 1] = outerQuintic(t + 1);
      weights[start + 2] = innerQuintic(t);
      weights[start + 3] = innerQuintic(rest);
      weights[start + 4] = outerQuintic(rest + 1);
  }
  let last = 1;
  for (let i = start; i < start + order; i++) last -= weights[i]!;
  weights[start + order] = last;
}

const outerQuartic = (y: number): number => y * (y * ((y * (5 - y)) / 6 - 1.25) + 5 / 24) + 55 / 96;
const innerQuintic = (y: number): number => y * y * (y * y * (0.25 - y / 12) - 0.5) + 0.55;
const outerQuintic = (y: number): number =>
  y * (y * (y * (y * (y / 24 - 0.375) + 1.25) - 1.75) + 0.625) + 0.425;
