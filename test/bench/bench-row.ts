/** One line of the benchmark's table. */
export interface BenchRow {
  readonly what: string;
  readonly ours: string;
  /** The figure of the real nnU-Net in the same run; absent if there is no peer. */
  readonly peer?: string;
  readonly goal: string;
  readonly isReached: boolean;
}

export const seconds = (value: number): string => `${value.toFixed(value < 10 ? 2 : 1)} s`;
export const megabytes = (value: number): string => `${Math.round(value)} MB`;
