import type { Rgb } from "./segment-metadata.js";

/**
 * Returns RecommendedDisplayCIELabValue for a colour of sRGB (PS3.3, C.10.7.1.1), by dcmqi's formula: D65 white, and
 * the three values scaled to 0 … 65535.
 */
export function cielabOf(color: Rgb): readonly [number, number, number] {
  const [r, g, b] = color.map((value) => {
    const part = value / 255;
    return 100 * (part > 0.04045 ? ((part + 0.055) / 1.055) ** 2.4 : part / 12.92);
  }) as [number, number, number];
  const [x, y, z] = [
    (0.4124 * r + 0.3576 * g + 0.1805 * b) / 95.047,
    (0.2126 * r + 0.7152 * g + 0.0722 * b) / 100,
    (0.0193 * r + 0.1192 * g + 0.9505 * b) / 108.883,
  ].map((part) => (part > 0.008856 ? Math.cbrt(part) : 7.787 * part + 16 / 116)) as [number, number, number];
  const stored = (value: number): number => Math.min(65535, Math.max(0, Math.trunc(value + 0.5)));
  return [
    stored(((116 * y - 16) * 65535) / 100),
    stored(((500 * (x - y) + 128) * 65535) / 255),
    stored(((200 * (y - z) + 128) * 65535) / 255),
  ];
}

/** Returns the colour of a segment that has none: the same for a label in every run, and different for its neighbours. */
export function colorOfLabel(label: number): Rgb {
  const goldenAngle = 137.508;
  return rgbOfHue((10 + goldenAngle * (label - 1)) % 360, label % 2 === 0 ? 0.75 : 0.55);
}

/** Returns step i of n of a ramp from blue over green and yellow to red, as for probabilities. */
export const rampColor = (i: number, n: number): Rgb => rgbOfHue(n < 2 ? 0 : 240 * (1 - i / (n - 1)), 0.9);

function rgbOfHue(hue: number, saturation: number): Rgb {
  const value = 0.92;
  const channel = (offset: number): number => {
    const k = (offset + hue / 60) % 6;
    return Math.round(255 * (value - value * saturation * Math.max(0, Math.min(k, 4 - k, 1))));
  };
  return [channel(5), channel(3), channel(1)];
}
