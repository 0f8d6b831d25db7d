/** A range of consecutive heads of the network. */
export interface HeadRange {
  readonly from: number;
  /** The index after the last head. */
  readonly to: number;
}

/** The number of heads in a group, if this does not make more than `mostGroups` groups. */
const headsPerGroup = 2;
const mostGroups = 8;

/**
 * Returns the groups of heads of a graph for GPUs. Each group is a separate output of the graph, which one thread sums.
 */
export function headRanges(heads: number): readonly HeadRange[] {
  const groups = Math.min(mostGroups, Math.ceil(heads / headsPerGroup));
  const start = (group: number) => Math.floor((group * heads) / groups);
  return Array.from({ length: groups }, (_, group) => ({ from: start(group), to: start(group + 1) }));
}
