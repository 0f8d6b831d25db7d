import { escapedMarkup } from "../../ground/escaped-markup.js";
import { networkShape, stageSizes } from "./network-size.js";
import type { PlannedConfiguration } from "./plan-configuration.js";
import type { PlannerConstants } from "./planners.js";

/** A configuration to draw. */
export interface PictureQuestion {
  readonly title: string;
  readonly planned: PlannedConfiguration;
  readonly constants: PlannerConstants;
}

const rowHeight = 92;
const top = 64;
const boxWidth = 228;
const boxHeight = 52;
const shift = 46;
/** A character of the heading is rarely wider. */
const headingCharacterWidth = 10;
const textStyle = 'font-family="sans-serif" font-size="12"';

/** Draws the U-Net of a configuration as SVG: encoder on the left, decoder on the right, one row for each stage. */
export function planPicture({ title, planned, constants }: PictureQuestion): string {
  const { topology, batchSize } = planned;
  const { features, encoder, decoder } = networkShape(topology, constants);
  const sizes = stageSizes(topology);
  const stages = sizes.length;
  const heading = `${title}: patch ${topology.patch.join(" × ")}, batch ${batchSize}, ${constants.network}`;
  const width = Math.max(2 * (boxWidth + stages * shift) + 120, 48 + heading.length * headingCharacterWidth);
  const right = (stage: number) => width - 24 - boxWidth - stage * shift;
  const left = (stage: number) => 24 + stage * shift;
  const y = (stage: number) => top + stage * rowHeight;
  const isPlain = constants.network === "PlainConvUNet";
  const unit = isPlain ? "conv" : "residual block";
  const parts: string[] = [];
  for (let stage = 0; stage < stages; stage++) {
    const size = sizes[stage]!.join(" × ");
    const kernel = topology.kernels[stage]!.join("×");
    parts.push(
      box(left(stage), y(stage), "#dbe7f6", [
        `${features[stage]} features, ${size}`,
        `${encoder[stage]} × ${unit} ${kernel}`,
      ]),
    );
    if (stage < stages - 1) {
      parts.push(
        box(right(stage), y(stage), "#e3f1dd", [
          `${features[stage]} features, ${size}`,
          `${decoder[stage]} × conv ${kernel}`,
        ]),
        arrow(
          left(stage) + boxWidth,
          y(stage) + boxHeight / 2,
          right(stage),
          y(stage) + boxHeight / 2,
          "4 3",
        ),
      );
      const stride = topology.strides[stage + 1]!.join("×");
      const below = y(stage + 1);
      parts.push(
        arrow(left(stage) + boxWidth / 2, y(stage) + boxHeight, left(stage) + boxWidth / 2, below, ""),
        label(left(stage) + boxWidth / 2 + 6, below - 16, `stride ${stride}`),
      );
      const from = stage === stages - 2 ? left(stages - 1) + boxWidth : right(stage + 1) + boxWidth / 2;
      const fromY = stage === stages - 2 ? below + boxHeight / 2 : below;
      parts.push(arrow(from, fromY, right(stage) + boxWidth / 2, y(stage) + boxHeight, ""));
    }
  }
  const height = y(stages - 1) + boxHeight + 24;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    '<defs><marker id="tip" markerWidth="8" markerHeight="8" refX="7" refY="4" orient="auto"><path d="M0,0 L8,4 L0,8 z"/></marker></defs>',
    `<rect width="${width}" height="${height}" fill="white"/>`,
    `<text x="24" y="32" font-family="sans-serif" font-size="16">${escapedMarkup(heading)}</text>`,
    ...parts,
    "</svg>\n",
  ].join("\n");
}

function box(x: number, y: number, colour: string, lines: readonly string[]): string {
  const texts = lines.map((line, i) => label(x + 8, y + 20 + i * 18, line));
  return `<rect x="${x}" y="${y}" width="${boxWidth}" height="${boxHeight}" rx="6" fill="${colour}" stroke="#555"/>${texts.join("")}`;
}

const label = (x: number, y: number, text: string): string =>
  `<text x="${x}" y="${y}" ${textStyle}>${escapedMarkup(text)}</text>`;

function arrow(x1: number, y1: number, x2: number, y2: number, dashes: string): string {
  const dashed = dashes === "" ? "" : ` stroke-dasharray="${dashes}"`;
  return `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="#555"${dashed} marker-end="url(#tip)"/>`;
}
