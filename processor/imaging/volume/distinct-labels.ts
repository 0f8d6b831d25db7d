/** Returns the labels that occur in a label map, ascending. */
export function distinctLabels(labels: Int16Array | Uint8Array): readonly number[] {
  // A table of all numbers that 16 bits have; a set would be asked once per voxel.
  const lowest = -32_768;
  const occurs = new Uint8Array(65_536);
  for (let i = 0; i < labels.length; i++) occurs[labels[i]! - lowest] = 1;
  return Array.from(occurs.keys())
    .filter((slot) => occurs[slot] === 1)
    .map((slot) => slot + lowest);
}
