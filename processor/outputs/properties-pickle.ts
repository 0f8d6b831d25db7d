import type { PreprocessHistory } from "../preprocess/prepared.js";
import { reversed } from "../volume/axes.js";

/** `case.npz` has its properties in `case.pkl`. */
export const propertiesFileOf = (probabilitiesFile: string): string =>
  probabilitiesFile.replace(/\.npz$/, ".pkl");

/**
 * The `<case>.pkl` that nnU-Net v2's SimpleITKIO leaves beside `<case>.npz` and `nnUNetv2_ensemble` asks for: where the
 * image lies and how it was cropped, as a pickle of protocol 2.
 */
export function propertiesPickle(history: PreprocessHistory): Uint8Array {
  const { spacingMmZyx, originMmXyz, directionXyz, dimensions } = history.originalGeometry;
  const isFlat = dimensions === 2;
  const spacingMmXyz = reversed(spacingMmZyx);
  const [a, b, , d, e] = directionXyz;
  const writer = new PickleWriter();
  writer.dict([
    [
      "sitk_stuff",
      () =>
        writer.dict([
          ["spacing", () => writer.tuple(spacingMmXyz.slice(0, dimensions), "float")],
          ["origin", () => writer.tuple(originMmXyz.slice(0, dimensions), "float")],
          ["direction", () => writer.tuple(isFlat ? [a, b, d, e] : directionXyz, "float")],
        ]),
    ],
    ["spacing", () => writer.list(spacingMmZyx, (value) => writer.float(value))],
    ["shape_before_cropping", () => writer.tuple(history.sizeBeforeCroppingZyx, "integer")],
    ["bbox_used_for_cropping", () => writer.list(history.cropBoxZyx, (box) => writer.integers(box))],
    [
      "shape_after_cropping_and_before_resampling",
      () => writer.tuple(history.sizeAfterCroppingZyx, "integer"),
    ],
  ]);
  return writer.finish();
}

/** The few opcodes that plain data needs. */
class PickleWriter {
  private readonly parts: Uint8Array[] = [Uint8Array.of(0x80, 2)];

  dict(entries: readonly (readonly [key: string, value: () => void])[]): void {
    this.opcodes("}(");
    for (const [key, value] of entries) {
      this.text(key);
      value();
    }
    this.opcodes("u");
  }

  list<T>(items: Iterable<T>, write: (item: T) => void): void {
    this.opcodes("](");
    for (const item of items) write(item);
    this.opcodes("e");
  }

  integers(values: readonly number[]): void {
    this.list(values, (value) => this.integer(value));
  }

  tuple(values: readonly number[], kind: "float" | "integer"): void {
    this.opcodes("(");
    for (const value of values) this[kind](value);
    this.opcodes("t");
  }

  float(value: number): void {
    const bytes = Buffer.alloc(9);
    bytes.write("G", "latin1");
    bytes.writeDoubleBE(value, 1);
    this.parts.push(bytes);
  }

  integer(value: number): void {
    const bytes = Buffer.alloc(5);
    bytes.write("J", "latin1");
    bytes.writeInt32LE(value, 1);
    this.parts.push(bytes);
  }

  finish(): Uint8Array {
    this.opcodes(".");
    return Buffer.concat(this.parts);
  }

  private text(value: string): void {
    const encoded = Buffer.from(value);
    const head = Buffer.alloc(5);
    head.write("X", "latin1");
    head.writeUInt32LE(encoded.length, 1);
    this.parts.push(head, encoded);
  }

  private opcodes(letters: string): void {
    this.parts.push(Buffer.from(letters, "latin1"));
  }
}
