/** Consecutive heads of the network. */
export interface HeadRange {
  readonly from: number;
  /** Behind the last one. */
  readonly to: number;
}

/** Heads that one thread sums, as long as there are threads. */
const headsPerGroup = 2;
const mostGroups = 8;

/** How a graph for GPUs hands out its heads: each group is an output of its own, which one thread takes. */
export function headRanges(heads: number): readonly HeadRange[] {
  const groups = Math.min(mostGroups, Math.ceil(heads / headsPerGroup));
  const start = (group: number) => Math.floor((group * heads) / groups);
  return Array.from({ length: groups }, (_, group) => ({ from: start(group), to: start(group + 1) }));
}
