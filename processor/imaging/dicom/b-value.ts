import type { DataSet } from "./data-set.js";
import { doubleOf, numberOf, stringOf, stringsOf } from "./element-values.js";
import { tags } from "./tags.js";

/**
 * Returns the diffusion weighting of an image or a frame, in s/mm²; null if no element says it.
 *
 * @param sources the data sets to look in: the frame's groups, the shared groups, the file
 */
export function bValueOf(sources: readonly DataSet[]): number | null {
  for (const source of sources) {
    const found = standardBValue(source) ?? siemensBValue(source) ?? geBValue(source);
    if (found !== null) return found;
  }
  return null;
}

function standardBValue(source: DataSet): number | null {
  const own = doubleOf(source, tags.DiffusionBValue);
  if (own !== null && Number.isFinite(own)) return own;
  const [diffusion] = source.items(tags.MRDiffusionSequence);
  return diffusion === undefined ? null : doubleOf(diffusion, tags.DiffusionBValue);
}

const siemensBValue = (source: DataSet): number | null =>
  numberOf(source, privateTag(source, { group: 0x0019, creator: "SIEMENS MR HEADER", element: 0x0c }));

/** GE adds 10⁹ to some values, and writes others after the b-value. */
function geBValue(source: DataSet): number | null {
  const tag = privateTag(source, { group: 0x0043, creator: "GEMS_PARM_01", element: 0x39 });
  const [first = ""] = stringsOf(source, tag) ?? [];
  return /^\d+(?:\.\d*)?$/.test(first) ? Number(first) % 100000 : null;
}

interface PrivateElement {
  readonly group: number;
  readonly creator: string;
  readonly element: number;
}

/** Returns the tag of a private element in the block that its creator reserved (PS3.5, 7.8.1); 0 if there is none. */
function privateTag(source: DataSet, { group, creator, element }: PrivateElement): number {
  for (let block = 0x10; block <= 0xff; block++) {
    if (stringOf(source, group * 0x10000 + block) === creator)
      return group * 0x10000 + block * 0x100 + element;
  }
  return 0;
}
