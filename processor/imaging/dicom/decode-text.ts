/**
 * Decodes a text of a data set by its SpecificCharacterSet (PS3.3, C.12.1.1.2), with escape sequences (PS3.5, 6.1.2.5).
 * Bytes that are not valid become the replacement character.
 *
 * @param characterSets the defined terms; an empty first one is ASCII
 * @param isPersonName a name also returns to the first character set at `^` and `=`
 */
export function decodeText(
  bytes: Uint8Array,
  characterSets: readonly string[],
  { isPersonName }: { readonly isPersonName: boolean },
): string {
  const first = decoderOfTerms(characterSets);
  if (!bytes.includes(escapeByte)) return decode(bytes, first);
  const delimiters = new Set(isPersonName ? [...lineDelimiters, 0x5e, 0x3d] : lineDelimiters);
  const parts: string[] = [];
  let set: TextSet = { decoder: first, shift: null };
  let start = 0;
  const flush = (end: number): void => {
    if (end > start) parts.push(decode(shifted(bytes.subarray(start, end), set.shift), set.decoder));
    start = end;
  };
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] === escapeByte) {
      flush(i);
      const sequence = escapeSequences.find(([text]) => startsWith(bytes, i + 1, text));
      if (sequence !== undefined) {
        set = sequence[1] ?? { decoder: first, shift: null };
        i += sequence[0].length;
        start = i + 1;
      } else {
        // The standard has no such sequence, so what follows is in no known character set.
        parts.push("\ufffd");
        start = i + 1;
      }
    } else if (set.shift === null && delimiters.has(bytes[i]!)) {
      flush(i);
      set = { decoder: first, shift: null };
    }
  }
  flush(bytes.length);
  return parts.join("");
}

const escapeByte = 0x1b;
const lineDelimiters = [0x5c, 0x0a, 0x0c, 0x0d];

/** A character set, and how its 7-bit codes become those of the decoder. */
interface TextSet {
  readonly decoder: string;
  /** The byte before each pair of bytes whose high bits are set; empty for none; null for codes that stay as they are. */
  readonly shift: readonly number[] | null;
}

/** The escape sequences of PS3.3, tables C.12-3 and C.12-4; null returns to the first character set. */
const escapeSequences: readonly (readonly [text: string, set: TextSet | null])[] = [
  ["(B", null],
  ["(J", { decoder: "shift_jis", shift: null }],
  [")I", { decoder: "shift_jis", shift: null }],
  ["$B", { decoder: "euc-jp", shift: [] }],
  ["$@", { decoder: "euc-jp", shift: [] }],
  ["$(D", { decoder: "euc-jp", shift: [0x8f] }],
  ["$)C", { decoder: "euc-kr", shift: null }],
  ["$)A", { decoder: "gbk", shift: null }],
  ["-A", { decoder: "iso-8859-1", shift: null }],
  ["-B", { decoder: "iso-8859-2", shift: null }],
  ["-C", { decoder: "iso-8859-3", shift: null }],
  ["-D", { decoder: "iso-8859-4", shift: null }],
  ["-L", { decoder: "iso-8859-5", shift: null }],
  ["-G", { decoder: "iso-8859-6", shift: null }],
  ["-F", { decoder: "iso-8859-7", shift: null }],
  ["-H", { decoder: "iso-8859-8", shift: null }],
  ["-M", { decoder: "iso-8859-9", shift: null }],
  ["-T", { decoder: "windows-874", shift: null }],
  ["-b", { decoder: "iso-8859-15", shift: null }],
];

/** By the number of the defined term: `ISO_IR 100` and `ISO 2022 IR 100` are one set. */
const decoders: Readonly<Record<string, string>> = {
  "13": "shift_jis",
  "58": "gbk",
  "100": "iso-8859-1",
  "101": "iso-8859-2",
  "109": "iso-8859-3",
  "110": "iso-8859-4",
  "126": "iso-8859-7",
  "127": "iso-8859-6",
  "138": "iso-8859-8",
  "144": "iso-8859-5",
  "148": "iso-8859-9",
  "149": "euc-kr",
  "166": "windows-874",
  "192": "utf-8",
  "203": "iso-8859-15",
};

/**
 * Returns the decoder of bytes before an escape sequence: that of the first set, or, if it is ASCII, that of the first set
 * with other characters, because some programs write them without the sequence.
 */
const decoderOfTerms = (terms: readonly string[]): string =>
  terms.map(decoderOfTerm).find((decoder) => decoder !== "ascii") ?? "ascii";

/** Returns the decoder of a defined term, also of one with other separators, such as ISO-IR 100, or with another name. */
function decoderOfTerm(term: string): string {
  const name = term.trim().toUpperCase();
  const number = /^ISO[-_ ](?:2022[-_ ])?IR[-_ ](\d+)$/.exec(name)?.[1];
  if (number !== undefined) return decoders[number] ?? "ascii";
  return commonNames.has(name) ? name.toLowerCase() : "ascii";
}

/** The terms of Chinese sets, and names that are not of the standard, but can mean only one set. */
const commonNames: ReadonlySet<string> = new Set(["GB18030", "GBK", "GB2312", "UTF-8", "UTF8", "LATIN1"]);

function decode(bytes: Uint8Array, decoder: string): string {
  if (decoder === "ascii")
    return Array.from(bytes, (byte) => (byte < 0x80 ? String.fromCharCode(byte) : "\ufffd")).join("");
  return new TextDecoder(decoder, { ignoreBOM: true }).decode(bytes);
}

function shifted(bytes: Uint8Array, shift: readonly number[] | null): Uint8Array {
  if (shift === null) return bytes;
  const result: number[] = [];
  for (let i = 0; i + 1 < bytes.length; i += 2) result.push(...shift, bytes[i]! | 0x80, bytes[i + 1]! | 0x80);
  return Uint8Array.from(result);
}

const startsWith = (bytes: Uint8Array, place: number, text: string): boolean =>
  [...text].every((letter, i) => bytes[place + i] === letter.charCodeAt(0));
