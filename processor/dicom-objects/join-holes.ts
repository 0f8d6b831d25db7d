import type { Ring } from "./trace-contours.js";

type Point = readonly [x: number, y: number];

/**
 * Joins each hole with the ring around it by a channel without width (PS3.3, C.8.8.6.3: the keyhole technique), for
 * programs that fill every ring. An island in a hole stays a ring of its own.
 */
export function joinHoles(rings: readonly Ring[]): readonly Ring[] {
  const outlines = rings.map(pointsOf);
  const outers: { readonly outline: readonly Point[]; readonly holes: (readonly Point[])[] }[] = [];
  const holes: (readonly Point[])[] = [];
  for (const outline of outlines) {
    const depth = outlines.filter((other) => other !== outline && isInside(outline[0]!, other)).length;
    if (depth % 2 === 0) outers.push({ outline, holes: [] });
    else holes.push(outline);
  }
  for (const hole of holes) {
    const around = outers.filter(({ outline }) => isInside(hole[0]!, outline));
    // The innermost of the rings around it is inside all others.
    const innermost = around.find(({ outline }) =>
      around.every((other) => other.outline === outline || isInside(outline[0]!, other.outline)),
    );
    innermost!.holes.push(hole);
  }
  return outers.map((outer) => joined(outer.outline, outer.holes).flat());
}

function pointsOf(ring: Ring): readonly Point[] {
  return Array.from({ length: ring.length / 2 }, (_, i): Point => [ring[2 * i]!, ring[2 * i + 1]!]);
}

/** Joins the holes from right to left, so that what is right of a hole belongs to the outline already. */
function joined(outline: readonly Point[], holes: readonly (readonly Point[])[]): readonly Point[] {
  const starts = holes.map((hole) => {
    const start = hole.reduce((best, [x], i) => (x > hole[best]![0] ? i : best), 0);
    return { hole, start, x: hole[start]![0] };
  });
  let result = outline;
  for (const { hole, start } of starts.sort((a, b) => b.x - a.x)) {
    const turned = [...hole.slice(start), ...hole.slice(0, start)];
    const { after, point } = crossingRightOf(turned[0]!, result);
    result = [...result.slice(0, after + 1), point, ...turned, turned[0]!, point, ...result.slice(after + 1)];
  }
  return result;
}

interface Crossing {
  /** The point of the outline before the crossing. */
  readonly after: number;
  readonly point: Point;
}

/** Finds the first point of an outline to the right of a point. */
function crossingRightOf([x, y]: Point, outline: readonly Point[]): Crossing {
  let best: Crossing | null = null;
  outline.forEach(([x1, y1], i) => {
    const [x2, y2] = outline[(i + 1) % outline.length]!;
    if (y1 > y === y2 > y) return;
    const crossing = x1 + ((y - y1) / (y2 - y1)) * (x2 - x1);
    if (crossing > x && (best === null || crossing < best.point[0]))
      best = { after: i, point: [crossing, y] };
  });
  if (best === null) throw new Error("a hole has no outline around it");
  return best;
}

/** Returns whether a point is inside an outline (even-odd rule). */
function isInside([x, y]: Point, outline: readonly Point[]): boolean {
  let inside = false;
  outline.forEach(([x1, y1], i) => {
    const [x2, y2] = outline[(i + 1) % outline.length]!;
    if (y1 > y !== y2 > y && x < x1 + ((y - y1) / (y2 - y1)) * (x2 - x1)) inside = !inside;
  });
  return inside;
}
