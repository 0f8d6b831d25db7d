import type { LabelDefinition } from "../../../processor/contract/manifest.js";

/** Returns the name of each output channel of a network: of its label, or of its region. */
export function headNames(
  { names, foregroundLabels, regionsClassOrder, ignoreLabel }: LabelDefinition,
  heads: number,
): readonly string[] {
  const segmented = names.filter(({ value }) => value !== ignoreLabel);
  const found =
    regionsClassOrder === null
      ? [0, ...foregroundLabels].map((label) => segmented.find(({ value }) => [value].flat().includes(label)))
      : segmented.filter(({ value }) => [value].flat().some((label) => label !== 0));
  return Array.from({ length: heads }, (_, head) => found[head]?.name ?? `head ${head}`);
}
