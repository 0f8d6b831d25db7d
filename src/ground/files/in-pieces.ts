/** Splits bytes into pieces of one size, independent of how they arrive; the last piece is shorter. */
export async function* inPieces(
  bytes: AsyncIterable<Uint8Array>,
  pieceBytes: number,
): AsyncGenerator<Uint8Array> {
  let gathered: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of bytes) {
    let rest = chunk;
    while (length + rest.length >= pieceBytes) {
      const end = pieceBytes - length;
      yield length === 0 ? rest.subarray(0, end) : Buffer.concat([...gathered, rest.subarray(0, end)]);
      rest = rest.subarray(end);
      gathered = [];
      length = 0;
    }
    if (rest.length > 0) gathered.push(rest);
    length += rest.length;
  }
  if (length > 0) yield Buffer.concat(gathered);
}
