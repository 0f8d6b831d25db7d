/** Draws the shapes of the documentation's pictures as SVG text. */

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

const colours = { ink: "#1f2328", quiet: "#59636e", line: "#8c959f", paper: "#ffffff" };

type Size = readonly [width: number, height: number];

/** Returns a whole picture. Its background is white, so that it can be read on dark pages as well. */
export function svgPicture(title: string, [width, height]: Size, parts: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="ui-sans-serif, system-ui, sans-serif" font-size="14">`,
    `<title>${escaped(title)}</title>`,
    `<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="${colours.line}"/></marker></defs>`,
    `<rect width="${width}" height="${height}" fill="${colours.paper}"/>`,
    ...parts,
    "</svg>\n",
  ].join("\n");
}

export interface TextStyle {
  readonly anchor?: "start" | "middle" | "end";
  readonly weight?: "normal" | "bold";
  readonly tone?: "ink" | "quiet";
  readonly size?: number;
  readonly font?: "mono";
}

export function svgText(x: number, y: number, text: string, style: TextStyle = {}): string {
  const attributes = [
    `x="${x}" y="${y}" fill="${colours[style.tone ?? "ink"]}"`,
    `text-anchor="${style.anchor ?? "start"}"`,
    style.weight === undefined ? "" : `font-weight="${style.weight}"`,
    style.size === undefined ? "" : `font-size="${style.size}"`,
    style.font === undefined ? "" : `font-family="ui-monospace, monospace" xml:space="preserve"`,
  ];
  return `<text ${attributes.filter((attribute) => attribute !== "").join(" ")}>${escaped(text)}</text>`;
}

export function svgBox({ x, y, width, height }: Box, fill: string): string {
  return `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="6" fill="${fill}" stroke="${colours.line}"/>`;
}

/** Returns a box with a bold title and grey lines below it, all centred. */
export function svgCard(box: Box, fill: string, title: string, lines: readonly string[]): string {
  const middle = box.x + box.width / 2;
  return [
    svgBox(box, fill),
    svgText(middle, box.y + 22, title, { anchor: "middle", weight: "bold" }),
    ...lines.map((line, i) =>
      svgText(middle, box.y + 42 + 17 * i, line, { anchor: "middle", tone: "quiet", size: 12 }),
    ),
  ].join("\n");
}

export const svgArrow = (from: readonly [number, number], to: readonly [number, number]): string =>
  `<line x1="${from[0]}" y1="${from[1]}" x2="${to[0]}" y2="${to[1]}" stroke="${colours.line}" stroke-width="1.5" marker-end="url(#tip)"/>`;

export const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
