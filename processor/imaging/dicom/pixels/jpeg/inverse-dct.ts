/** Constants of Loeffler, Ligtenberg and Moschytz's algorithm, in 13 fractional bits. */
const fractionBits = 13;
const f0298 = 2446;
const f0390 = 3196;
const f0541 = 4433;
const f0765 = 6270;
const f0899 = 7373;
const f1175 = 9633;
const f1501 = 12299;
const f1847 = 15137;
const f1961 = 16069;
const f2053 = 16819;
const f2562 = 20995;
const f3072 = 25172;

/**
 * Replaces the coefficients of a block by its pixels. The integer arithmetic is that of the Independent JPEG Group's
 * accurate method, so that the pixels are the same as those of most programs.
 *
 * @param block 8 × 8 coefficients, already multiplied by their quantization
 * @param precision 8 or 12 bits
 */
export function inverseDct(block: Int32Array, precision: number): void {
  const extraBits = precision > 8 ? 1 : 2;
  for (let i = 0; i < 8; i++) transformLine(block, i, 8, fractionBits - extraBits);
  for (let i = 0; i < 8; i++) transformLine(block, i * 8, 1, fractionBits + extraBits + 3);
  const centre = 1 << (precision - 1);
  const largest = (1 << precision) - 1;
  for (let i = 0; i < 64; i++) block[i] = Math.min(Math.max(block[i]! + centre, 0), largest);
}

/** Transforms one column or row in place. */
function transformLine(block: Int32Array, at: number, step: number, shift: number): void {
  const c0 = block[at]!;
  const c1 = block[at + step]!;
  const c2 = block[at + 2 * step]!;
  const c3 = block[at + 3 * step]!;
  const c4 = block[at + 4 * step]!;
  const c5 = block[at + 5 * step]!;
  const c6 = block[at + 6 * step]!;
  const c7 = block[at + 7 * step]!;

  const z1 = Math.imul(c2 + c6, f0541);
  const even2 = z1 - Math.imul(c6, f1847);
  const even3 = z1 + Math.imul(c2, f0765);
  const even0 = (c0 + c4) << fractionBits;
  const even1 = (c0 - c4) << fractionBits;
  const e0 = even0 + even3;
  const e3 = even0 - even3;
  const e1 = even1 + even2;
  const e2 = even1 - even2;

  const z5 = Math.imul(c7 + c3 + c5 + c1, f1175);
  const y1 = -Math.imul(c7 + c1, f0899);
  const y2 = -Math.imul(c5 + c3, f2562);
  const y3 = z5 - Math.imul(c7 + c3, f1961);
  const y4 = z5 - Math.imul(c5 + c1, f0390);
  const o0 = Math.imul(c7, f0298) + y1 + y3;
  const o1 = Math.imul(c5, f2053) + y2 + y4;
  const o2 = Math.imul(c3, f3072) + y2 + y3;
  const o3 = Math.imul(c1, f1501) + y1 + y4;

  const half = 1 << (shift - 1);
  block[at] = (e0 + o3 + half) >> shift;
  block[at + 7 * step] = (e0 - o3 + half) >> shift;
  block[at + step] = (e1 + o2 + half) >> shift;
  block[at + 6 * step] = (e1 - o2 + half) >> shift;
  block[at + 2 * step] = (e2 + o1 + half) >> shift;
  block[at + 5 * step] = (e2 - o1 + half) >> shift;
  block[at + 3 * step] = (e3 + o0 + half) >> shift;
  block[at + 4 * step] = (e3 - o0 + half) >> shift;
}
