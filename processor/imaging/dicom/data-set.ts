/** The number of an element: its group in the upper 16 bits, its element in the lower 16, as in 0x00100010. */
export type Tag = number;

/** One element of a data set, with its value as the bytes of the file. */
export interface DataElement {
  readonly tag: Tag;
  /** Two letters; `UN` if the file does not say it (implicit VR) and the tag is not one that this program reads. */
  readonly vr: string;
  /** The bytes of the value, a view of the file's bytes. */
  readonly value: Uint8Array;
}

/** The elements of a file before its pixels, or of one item of a sequence. */
export interface DataSet {
  readonly isBigEndian: boolean;
  /** The defined terms of SpecificCharacterSet, which hold for items too unless they have their own; empty for ASCII. */
  readonly characterSets: readonly string[];
  /** Returns an element; null if the data set does not have it. */
  element(tag: Tag): DataElement | null;
  /** Returns the tags in the order of the file. */
  tags(): readonly Tag[];
  /** Returns the items of a sequence; none if the data set does not have it. */
  items(tag: Tag): readonly DataSet[];
}
