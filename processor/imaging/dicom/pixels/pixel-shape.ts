import { Undecodable } from "./undecodable.js";

/** How an image's pixels are stored, as its data set describes it. */
export interface PixelShape {
  readonly rows: number;
  readonly columns: number;
  /** 8, 16 or 32. */
  readonly bitsAllocated: number;
  readonly bitsStored: number;
  readonly highBit: number;
  readonly isSigned: boolean;
}

/** What a compressed stream says of itself. */
export interface CodestreamFacts {
  readonly rows: number;
  readonly columns: number;
  readonly precision: number;
  readonly components: number;
}

/**
 * Compares a compressed stream with the data set, before anything is allocated for it.
 *
 * @throws Undecodable
 */
export function checkCodestream(stream: CodestreamFacts, shape: PixelShape): void {
  const { rows, columns, bitsAllocated, bitsStored, isSigned } = shape;
  if (stream.components !== 1)
    throw new Undecodable(`its compressed pixels have ${stream.components} components`);
  if (stream.rows !== rows || stream.columns !== columns)
    throw new Undecodable(
      `its compressed pixels are ${stream.rows} × ${stream.columns}, but Rows × Columns is ${rows} × ${columns}`,
    );
  // More bits than stored are common; fewer would leave the sign of a negative number open.
  const fewest = isSigned ? bitsStored : 1;
  if (stream.precision < fewest || stream.precision > Math.min(bitsAllocated, 16))
    throw new Undecodable(
      `its compressed pixels have ${stream.precision} bits, but BitsStored is ${bitsStored} and BitsAllocated ${bitsAllocated}`,
    );
}
