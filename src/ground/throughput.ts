/** The fields of NVIDIA's benchmark: a throughput in images a second, and latencies of single steps in ms. */
export type Throughput = Readonly<Record<string, number>>;

/**
 * Returns how fast steps were, with three decimals, under the names that NVIDIA's `perf.json` has.
 *
 * @param mode what was measured: `train`, `predict` or `preprocess`
 * @param latenciesMs one for each step; not empty
 * @param imagesPerStep the size of a batch
 */
export function throughput(mode: string, latenciesMs: readonly number[], imagesPerStep: number): Throughput {
  const sorted = latenciesMs.toSorted((one, other) => one - other);
  const mean = latenciesMs.reduce((sum, value) => sum + value, 0) / latenciesMs.length;
  const fields: readonly (readonly [string, number])[] = [
    [`throughput_${mode}`, (imagesPerStep * 1000) / mean],
    [`latency_${mode}_mean`, mean],
    ...[90, 95, 99].map((percent) => [`latency_${mode}_${percent}`, percentile(sorted, percent)] as const),
  ];
  return Object.fromEntries(fields.map(([name, value]) => [name, Math.round(value * 1000) / 1000]));
}

/** Interpolates between neighbours, as numpy does. */
function percentile(sorted: readonly number[], percent: number): number {
  const at = ((sorted.length - 1) * percent) / 100;
  const [low, high] = [sorted[Math.floor(at)]!, sorted[Math.ceil(at)]!];
  return low + (high - low) * (at - Math.floor(at));
}
