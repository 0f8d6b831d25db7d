import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** The value of an element: bytes, text, or numbers of 16 bits. */
export type DicomValue = Uint8Array | string | readonly number[];

/** Elements by tag: their VR and their value. */
export type DicomElements = ReadonlyMap<number, readonly [vr: string, value: DicomValue]>;

const longVrs = new Set(["OB", "OW", "SQ", "UN", "UT"]);

/** Returns the bytes of a DICOM file in explicit VR little endian. */
export function dicomFile(elements: DicomElements, transferSyntaxUid = "1.2.840.10008.1.2.1"): Buffer {
  const syntax = element(0x00020010, "UI", transferSyntaxUid);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(syntax.length);
  const sorted = [...elements].sort(([a], [b]) => a - b);
  return Buffer.concat([
    Buffer.alloc(128),
    Buffer.from("DICM"),
    element(0x00020000, "UL", length),
    syntax,
    ...sorted.map(([tag, [vr, value]]) => element(tag, vr, value)),
  ]);
}

function element(tag: number, vr: string, value: DicomValue): Buffer {
  const bytes = bytesOf(value, vr);
  const header = Buffer.alloc(longVrs.has(vr) ? 12 : 8);
  header.writeUInt16LE(tag >>> 16, 0);
  header.writeUInt16LE(tag & 0xffff, 2);
  header.write(vr, 4, "latin1");
  if (longVrs.has(vr)) header.writeUInt32LE(bytes.length, 8);
  else header.writeUInt16LE(bytes.length, 6);
  return Buffer.concat([header, bytes]);
}

function bytesOf(value: DicomValue, vr: string): Buffer {
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (typeof value !== "string") return Buffer.from(Uint16Array.from(value).buffer);
  const text = Buffer.from(value, "latin1");
  return text.length % 2 === 0 ? text : Buffer.concat([text, Buffer.from(vr === "UI" ? "\0" : " ")]);
}

export interface DicomSeriesContent {
  /** `z × y × x` stored values. */
  readonly voxels: Int16Array;
  readonly sizeZyx: readonly [number, number, number];
  readonly spacingMmZyx: readonly [number, number, number];
  readonly originMmXyz: readonly [number, number, number];
  /** Elements to add to each file, or to replace. */
  readonly elements?: DicomElements;
}

/** Writes a CT series, one file for each slice, into a new folder. */
export function writeDicomSeries(folder: string, content: DicomSeriesContent): void {
  mkdirSync(folder, { recursive: true });
  const sliceVoxels = content.sizeZyx[1] * content.sizeZyx[2];
  for (let z = 0; z < content.sizeZyx[0]; z++) {
    const pixels = content.voxels.subarray(z * sliceVoxels, (z + 1) * sliceVoxels);
    const name = `IM${String(z + 1).padStart(4, "0")}.dcm`;
    writeFileSync(join(folder, name), dicomFile(sliceElements(content, z, pixels)));
  }
}

/** Returns the elements of one slice of a series. */
export function sliceElements(
  { sizeZyx, spacingMmZyx, originMmXyz, elements }: DicomSeriesContent,
  z: number,
  pixels: Int16Array,
): DicomElements {
  const [x, y, firstZ] = originMmXyz;
  return new Map<number, readonly [string, DicomValue]>([
    [0x00080008, ["CS", "ORIGINAL\\PRIMARY\\AXIAL"]],
    [0x00080016, ["UI", "1.2.840.10008.5.1.4.1.1.2"]],
    [0x00080018, ["UI", `2.25.1000${z + 1}`]],
    [0x00080060, ["CS", "CT"]],
    [0x0020000d, ["UI", "2.25.1"]],
    [0x0020000e, ["UI", "2.25.2"]],
    [0x00200013, ["IS", `${z + 1}`]],
    [0x00200032, ["DS", [x, y, firstZ + z * spacingMmZyx[0]].join("\\")]],
    [0x00200037, ["DS", "1\\0\\0\\0\\1\\0"]],
    [0x00200052, ["UI", "2.25.3"]],
    [0x00280002, ["US", [1]]],
    [0x00280004, ["CS", "MONOCHROME2"]],
    [0x00280010, ["US", [sizeZyx[1]]]],
    [0x00280011, ["US", [sizeZyx[2]]]],
    [0x00280030, ["DS", `${spacingMmZyx[1]}\\${spacingMmZyx[2]}`]],
    [0x00280100, ["US", [16]]],
    [0x00280101, ["US", [16]]],
    [0x00280102, ["US", [15]]],
    [0x00280103, ["US", [1]]],
    [0x00281052, ["DS", "0"]],
    [0x00281053, ["DS", "1"]],
    ...(elements ?? []),
    [0x7fe00010, ["OW", new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength)]],
  ]);
}
