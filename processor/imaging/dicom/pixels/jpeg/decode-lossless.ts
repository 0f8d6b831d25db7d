import { Undecodable } from "../undecodable.js";
import { BitReader } from "./bit-reader.js";
import { differenceTable } from "./huffman-table.js";
import type { JpegHeader } from "./jpeg-header.js";

/**
 * Decodes the lossless process of JPEG (T.81, H): each pixel is a prediction from its neighbours plus a difference.
 *
 * @throws Undecodable
 */
export function decodeLossless(bytes: Uint8Array, header: JpegHeader): Uint16Array {
  const { rows, columns, precision, predictor, pointTransform, restartInterval } = header;
  const table = header.dcTables.get(header.dcTable);
  if (table === undefined) throw new Undecodable("a Huffman table is missing");
  if (predictor < 1 || predictor > 7) throw new Undecodable(`its predictor is ${predictor}`);
  if (restartInterval % columns !== 0) throw new Undecodable("its restart interval is not a number of rows");
  const pixels = new Uint16Array(rows * columns);
  const reader = new BitReader(bytes, header.scanAt);
  const differences = differenceTable(table);
  const restartRows = restartInterval === 0 ? rows : restartInterval / columns;
  for (let y = 0, at = 0; y < rows; y++) {
    if (y > 0 && y % restartRows === 0) reader.restart();
    const isFirstRow = y % restartRows === 0;
    const first = isFirstRow ? 1 << (precision - pointTransform - 1) : pixels[at - columns]!;
    // The array keeps 16 bits, which is the arithmetic modulo 65,536 of the standard.
    pixels[at] = first + reader.difference(differences);
    const end = at++ + columns;
    if (isFirstRow || predictor === 1)
      for (; at < end; at++) pixels[at] = pixels[at - 1]! + reader.difference(differences);
    for (; at < end; at++) {
      const prediction = predict(
        predictor,
        pixels[at - 1]!,
        pixels[at - columns]!,
        pixels[at - columns - 1]!,
      );
      pixels[at] = prediction + reader.difference(differences);
    }
  }
  reader.checkComplete();
  if (pointTransform > 0) for (let i = 0; i < pixels.length; i++) pixels[i] = pixels[i]! << pointTransform;
  return pixels;
}

function predict(predictor: number, left: number, above: number, aboveLeft: number): number {
  switch (predictor) {
    case 1:
      return left;
    case 2:
      return above;
    case 3:
      return aboveLeft;
    case 4:
      return left + above - aboveLeft;
    case 5:
      return left + ((above - aboveLeft) >> 1);
    case 6:
      return above + ((left - aboveLeft) >> 1);
    default:
      return (left + above) >> 1;
  }
}
