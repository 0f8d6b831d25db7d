import type { NnunetEffect } from "../datasets/verify/dataset-finding.js";

/** The steps of v1's `verify_dataset_integrity`, in its order; differences of geometry end it last. */
export const steps = {
  task: 1,
  files: 2,
  leftOver: 3,
  consecutive: 4,
  labelValues: 5,
  tests: 6,
  orientation: 7,
  geometry: 8,
} as const;

export const assertion = (text: string): NnunetEffect => ({
  kind: "stops",
  exception: "AssertionError",
  text,
});
