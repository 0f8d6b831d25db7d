import { escaped, svgPicture } from "./svg.js";

const columns = 80;
const cellWidth = 8.43;
const lineHeight = 18;
const margin = 16;

/** The colours of a dark terminal, by the last digit of their SGR code (30 to 37, 90 to 97). */
const palette = ["#6e7681", "#ff7b72", "#3fb950", "#d29922", "#58a6ff", "#bc8cff", "#39c5cf", "#c9d1d9"];

interface Style {
  readonly colour: string | null;
  readonly isBold: boolean;
  readonly isFaint: boolean;
}

const plain: Style = { colour: null, isBold: false, isFaint: false };

/** Draws a terminal of 80 columns; `lines` may contain SGR escapes, as `tmux capture-pane -e` prints them. */
export function terminalPicture(lines: readonly string[]): string {
  const width = Math.ceil(columns * cellWidth + 2 * margin);
  const height = lines.length * lineHeight + 2 * margin;
  const texts = lines.map((line, i) => {
    const y = margin + lineHeight * (i + 0.75);
    return `<text x="${margin}" y="${y}" fill="#c9d1d9" font-family="ui-monospace, monospace" font-size="14" xml:space="preserve">${spans(line)}</text>`;
  });
  return svgPicture(
    "Build, preflight and simulate in a terminal",
    [width, height],
    [`<rect width="${width}" height="${height}" rx="8" fill="#0d1117"/>`, ...texts],
  );
}

function spans(line: string): string {
  const [begin, ...styled] = line.split("\u001b[");
  let style = plain;
  const parts = styled.map((part) => {
    const end = part.indexOf("m");
    const codes = part.slice(0, end);
    style = codes.split(";").map(Number).reduce(withCode, style);
    return `<tspan${attributes(style)}>${escaped(part.slice(end + 1))}</tspan>`;
  });
  return [escaped(begin!), ...parts].join("");
}

function withCode(style: Style, code: number): Style {
  if (code === 0) return plain;
  if (code === 1) return { ...style, isBold: true };
  if (code === 2) return { ...style, isFaint: true };
  if (code === 22) return { ...style, isBold: false, isFaint: false };
  if (code === 39) return { ...style, colour: null };
  const isColour = (code >= 30 && code <= 37) || (code >= 90 && code <= 97);
  return isColour ? { ...style, colour: palette[code % 10]! } : style;
}

function attributes({ colour, isBold, isFaint }: Style): string {
  return [
    colour === null ? "" : ` fill="${colour}"`,
    isBold ? ' font-weight="bold"' : "",
    isFaint ? ' fill-opacity="0.6"' : "",
  ].join("");
}
