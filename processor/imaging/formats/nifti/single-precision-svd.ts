/** Three columns of three numbers. */
export type Columns = readonly (readonly [number, number, number])[];

/** The singular values, largest first, and their left singular vectors as columns. */
export interface LeftSingular {
  readonly values: readonly number[];
  readonly vectors: readonly (readonly number[])[];
}

const single = Math.fround;

/** The most steps; a matrix of three columns needs fewer. */
const mostSteps = 1000;

/**
 * Returns the left side of the singular value decomposition of a 3×3 matrix, in float32 throughout.
 *
 * The method is that of LINPACK's SSVDC (Golub and Kahan's bidiagonal form, then implicit QR steps), because ITK uses
 * SSVDC's vectors to choose the orientation of a NIfTI file. If singular values are equal, as for cubic voxels, another
 * method finds other vectors.
 *
 * @param columns finite numbers
 */
export function leftSingular(columns: Columns): LeftSingular {
  const a = columns.map((column) => column.map(single));
  const s = [0, 0, 0];
  const e = [0, 0, 0];
  reflectColumn(a, 0, s);
  reflectFirstRow(a, e);
  reflectColumn(a, 1, s);
  s[2] = a[2]![2]!;
  e[1] = a[2]![1]!;
  const u = reflectorProduct(a, s);
  diagonalize(s, e, u);
  return { values: s, vectors: u };
}

/** Reflects column `l` onto axis `l`, stores the reflector in its place, and applies it to the later columns. */
function reflectColumn(a: number[][], l: number, s: number[]): void {
  const column = a[l]!;
  const size = norm(column.slice(l));
  s[l] = 0;
  if (size !== 0) {
    const signed = column[l]! < 0 ? -size : size;
    scaleFrom(column, l, single(1 / signed));
    column[l] = single(1 + column[l]!);
    s[l] = -signed;
  }
  for (const other of a.slice(l + 1)) if (s[l] !== 0) addReflected(column, other, l);
}

/** Reflects the first row, the only one that still has two entries off the diagonal. */
function reflectFirstRow(a: number[][], e: number[]): void {
  e[1] = a[1]![0]!;
  e[2] = a[2]![0]!;
  const size = norm([e[1], e[2]]);
  e[0] = 0;
  if (size === 0) return;
  const signed = e[1] < 0 ? -size : size;
  scaleFrom(e, 1, single(1 / signed));
  e[1] = single(1 + e[1]!);
  e[0] = -signed;
  const work = [0, 0, 0];
  for (const j of [1, 2]) addScaled(work, e[j]!, a[j]!, 1);
  for (const j of [1, 2]) addScaled(a[j]!, single(-e[j]! / e[1]!), work, 1);
}

/** Multiplies the column reflectors. */
function reflectorProduct(a: number[][], s: readonly number[]): number[][] {
  const u = [[...a[0]!], [0, ...a[1]!.slice(1)], [0, 0, 1]];
  for (const l of [1, 0]) {
    const column = u[l]!;
    if (s[l] === 0) {
      column.fill(0);
      column[l] = 1;
      continue;
    }
    for (const other of u.slice(l + 1)) addReflected(column, other, l);
    scaleFrom(column, l, -1);
    column[l] = single(1 + column[l]!);
  }
  return u;
}

/** Makes the bidiagonal matrix (diagonal `s`, above it `e`) diagonal, and rotates the vectors with it. */
function diagonalize(s: number[], e: number[], u: number[][]): void {
  let m = 2;
  for (let step = 0; m >= 0 && step < mostSteps; step++) {
    let l = m - 1;
    while (l >= 0 && !isNegligible(e[l]!, single(Math.abs(s[l]!) + Math.abs(s[l + 1]!)))) l--;
    if (l >= 0) e[l] = 0;
    if (l === m - 1) {
      settle(s, u, m);
      m--;
      continue;
    }
    const small = negligibleDiagonal(s, e, { above: l, m });
    if (small === m) deflateLast(s, e, { first: l + 1, m });
    else if (small > l) split(s, e, u, { first: small + 1, m });
    else qrStep(s, e, u, { first: l + 1, m });
  }
}

const isNegligible = (value: number, reference: number): boolean =>
  single(reference + Math.abs(value)) === reference;

interface Block {
  readonly first: number;
  readonly m: number;
}

/** The last diagonal entry after `above` that is negligible next to its neighbours; `above` if there is none. */
function negligibleDiagonal(
  s: number[],
  e: readonly number[],
  { above, m }: { readonly above: number; readonly m: number },
): number {
  for (let i = m; i > above; i--) {
    const right = i === m ? 0 : Math.abs(e[i]!);
    const left = i === above + 1 ? 0 : Math.abs(e[i - 1]!);
    if (!isNegligible(s[i]!, single(right + left))) continue;
    s[i] = 0;
    return i;
  }
  return above;
}

/** Makes a computed singular value positive and moves it to its place in descending order. */
function settle(s: number[], u: number[][], at: number): void {
  s[at] = Math.abs(s[at]!);
  for (let i = at; i < 2 && s[i]! < s[i + 1]!; i++) {
    [s[i], s[i + 1]] = [s[i + 1]!, s[i]!];
    [u[i], u[i + 1]] = [u[i + 1]!, u[i]!];
  }
}

function deflateLast(s: number[], e: number[], { first, m }: Block): void {
  let f = e[m - 1]!;
  e[m - 1] = 0;
  for (let k = m - 1; k >= first; k--) {
    const { r, c, s: sine } = rotationOf(s[k]!, f);
    s[k] = r;
    if (k === first) continue;
    f = single(-sine * e[k - 1]!);
    e[k - 1] = single(c * e[k - 1]!);
  }
}

function split(s: number[], e: number[], u: number[][], { first, m }: Block): void {
  let f = e[first - 1]!;
  e[first - 1] = 0;
  for (let k = first; k <= m; k++) {
    const { r, c, s: sine } = rotationOf(s[k]!, f);
    s[k] = r;
    f = single(-sine * e[k]!);
    e[k] = single(c * e[k]!);
    rotate(u[k]!, u[first - 1]!, c, sine);
  }
}

function qrStep(s: number[], e: number[], u: number[][], { first, m }: Block): void {
  let [f, g] = shifted(s, e, { first, m });
  for (let k = first; k < m; k++) {
    const right = rotationOf(f, g);
    if (k !== first) e[k - 1] = right.r;
    f = single(single(right.c * s[k]!) + single(right.s * e[k]!));
    e[k] = single(single(right.c * e[k]!) - single(right.s * s[k]!));
    g = single(right.s * s[k + 1]!);
    s[k + 1] = single(right.c * s[k + 1]!);
    const left = rotationOf(f, g);
    s[k] = left.r;
    f = single(single(left.c * e[k]!) + single(left.s * s[k + 1]!));
    s[k + 1] = single(single(-left.s * e[k]!) + single(left.c * s[k + 1]!));
    g = single(left.s * e[k + 1]!);
    e[k + 1] = single(left.c * e[k + 1]!);
    rotate(u[k]!, u[k + 1]!, left.c, left.s);
  }
  e[m - 1] = f;
}

/** Returns the first column of the shifted matrix. */
function shifted(s: readonly number[], e: readonly number[], { first, m }: Block): [f: number, g: number] {
  const parts = [s[m]!, s[m - 1]!, e[m - 1]!, s[first]!, e[first]!];
  const scale = Math.max(...parts.map(Math.abs));
  const [sm, before, corner, sl, el] = parts.map((part) => single(part / scale)) as [
    ...[number, number, number, number, number],
  ];
  const spread = single(single(before + sm) * single(before - sm));
  const b = single(single(spread + single(corner * corner)) / 2);
  const product = single(sm * corner);
  const c = single(product * product);
  let shift = 0;
  if (b !== 0 || c !== 0) {
    const root = single(Math.sqrt(single(single(b * b) + c)));
    shift = single(c / single(b + (b < 0 ? -root : root)));
  }
  return [single(single(single(sl + sm) * single(sl - sm)) + shift), single(sl * el)];
}

/** Returns the cosine and sine that rotate (a, b) onto (r, 0). */
function rotationOf(a: number, b: number): { readonly r: number; readonly c: number; readonly s: number } {
  const scale = single(Math.abs(a) + Math.abs(b));
  if (scale === 0) return { r: 0, c: 1, s: 0 };
  const [x, y] = [single(a / scale), single(b / scale)];
  const size = single(scale * Math.sqrt(single(single(x * x) + single(y * y))));
  const larger = Math.abs(a) > Math.abs(b) ? a : b;
  const r = larger < 0 ? -size : size;
  return { r, c: single(a / r), s: single(b / r) };
}

function rotate(x: number[], y: number[], c: number, s: number): void {
  for (let i = 0; i < x.length; i++) {
    const turned = single(single(c * x[i]!) + single(s * y[i]!));
    y[i] = single(single(c * y[i]!) - single(s * x[i]!));
    x[i] = turned;
  }
}

/** Returns the length of a vector, computed so that squares do not overflow. */
function norm(vector: readonly number[]): number {
  if (vector.length === 1) return Math.abs(vector[0]!);
  let scale = 0;
  let sum = 1;
  for (const part of vector) {
    const size = Math.abs(part);
    if (size === 0) continue;
    const ratio = scale < size ? single(scale / size) : single(size / scale);
    const square = single(ratio * ratio);
    sum = scale < size ? single(single(sum * square) + 1) : single(sum + square);
    scale = Math.max(scale, size);
  }
  return single(scale * Math.sqrt(sum));
}

function scaleFrom(vector: number[], from: number, factor: number): void {
  for (let i = from; i < vector.length; i++) vector[i] = single(vector[i]! * factor);
}

function addScaled(target: number[], factor: number, vector: readonly number[], from: number): void {
  if (factor === 0) return;
  for (let i = from; i < target.length; i++) target[i] = single(target[i]! + single(factor * vector[i]!));
}

/** Applies the reflector that `column` holds from `l` on. */
function addReflected(column: readonly number[], other: number[], l: number): void {
  let dot = 0;
  for (let i = l; i < column.length; i++) dot = single(dot + single(column[i]! * other[i]!));
  addScaled(other, single(-dot / column[l]!), column, l);
}
