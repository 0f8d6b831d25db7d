import type { DataSet, Tag } from "./data-set.js";

/** How the bytes of one character set are decoded. */
interface CharacterSet {
  /** The name of the WHATWG encoding. */
  readonly encoding: string;
  /** Turns the bytes into those of the encoding. */
  readonly adapt?: (bytes: Uint8Array) => Uint8Array;
}

/** JIS X 0201: bytes of 0xA1 to 0xDF are half-width katakana, as in Shift JIS. */
const katakana: CharacterSet = { encoding: "shift_jis" };

const byTerm: Readonly<Record<string, CharacterSet>> = {
  "": { encoding: "utf-8" },
  "ISO_IR 6": { encoding: "utf-8" },
  "ISO_IR 100": { encoding: "iso-8859-1" },
  "ISO_IR 101": { encoding: "iso-8859-2" },
  "ISO_IR 109": { encoding: "iso-8859-3" },
  "ISO_IR 110": { encoding: "iso-8859-4" },
  "ISO_IR 144": { encoding: "iso-8859-5" },
  "ISO_IR 127": { encoding: "iso-8859-6" },
  "ISO_IR 126": { encoding: "iso-8859-7" },
  "ISO_IR 138": { encoding: "iso-8859-8" },
  "ISO_IR 148": { encoding: "windows-1254" },
  "ISO_IR 203": { encoding: "iso-8859-15" },
  "ISO_IR 13": katakana,
  "ISO_IR 166": { encoding: "windows-874" },
  "ISO_IR 192": { encoding: "utf-8" },
  GB18030: { encoding: "gb18030" },
  GBK: { encoding: "gbk" },
  "ISO_IR 58": { encoding: "gbk" },
  "ISO_IR 149": { encoding: "euc-kr" },
};

/** Sets whose bytes are 7 bits wide: two bytes for each character (JIS X 0208, JIS X 0212). */
const jis208: CharacterSet = { encoding: "euc-jp", adapt: (bytes) => bytes.map((byte) => byte | 0x80) };
const jis212: CharacterSet = {
  encoding: "euc-jp",
  adapt: (bytes) =>
    Uint8Array.from(
      Array.from({ length: bytes.length >> 1 }, (_, i) => [
        0x8f,
        bytes[2 * i]! | 0x80,
        bytes[2 * i + 1]! | 0x80,
      ]).flat(),
    ),
};

/** The sets that escape sequences turn on (PS3.3, C.12.1.1.2). */
const byEscape: readonly (readonly [sequence: string, set: CharacterSet])[] = [
  ["$B", jis208],
  ["$@", jis208],
  ["$(D", jis212],
  ["$)C", byTerm["ISO_IR 149"]!],
  ["$)A", byTerm["ISO_IR 58"]!],
  ["(B", { encoding: "utf-8" }],
  ["(J", katakana],
  [")I", katakana],
  ["-A", byTerm["ISO_IR 100"]!],
  ["-B", byTerm["ISO_IR 101"]!],
  ["-C", byTerm["ISO_IR 109"]!],
  ["-D", byTerm["ISO_IR 110"]!],
  ["-L", byTerm["ISO_IR 144"]!],
  ["-G", byTerm["ISO_IR 127"]!],
  ["-F", byTerm["ISO_IR 126"]!],
  ["-H", byTerm["ISO_IR 138"]!],
  ["-M", byTerm["ISO_IR 148"]!],
  ["-b", byTerm["ISO_IR 203"]!],
  ["-T", byTerm["ISO_IR 166"]!],
];

/**
 * Returns the text of an element in the character sets of its data set, without padding; null if it is absent or empty.
 * Bytes that are not in the set become U+FFFD. Several values stay joined by backslashes, and the groups of a name by `=`.
 */
export function textOf(dataSet: DataSet, tag: Tag): string | null {
  const element = dataSet.element(tag);
  if (element === null || element.value.length === 0) return null;
  const isName = element.vr === "PN" || namesOfPersons.has(tag);
  return decodeText(element.value, dataSet.characterSets, isName).replace(/^ +|[ \0]+$/g, "") || null;
}

/** Names, which a file in implicit VR does not mark as such: of the patient, and of the physicians. */
const namesOfPersons: ReadonlySet<Tag> = new Set([
  0x00100010, 0x00080090, 0x00081048, 0x00081050, 0x00081070,
]);

/**
 * Decodes bytes that are in one of several character sets, between which escape sequences switch.
 *
 * @param characterSets the values of SpecificCharacterSet; the first one holds at the beginning of each value, and of each
 *   part of a name
 */
function decodeText(bytes: Uint8Array, characterSets: readonly string[], isName: boolean): string {
  const first = setOfTerm(characterSets[0] ?? "");
  const isExtended = characterSets.length > 1 || /^ISO 2022/.test(characterSets[0] ?? "");
  if (!isExtended) return decode(bytes, first);
  let text = "";
  let set = first;
  let start = 0;
  // These end what an escape sequence turned on (PS3.5, 6.1.2.5.3).
  const delimiters = isName ? delimitersOfNames : delimitersOfText;
  for (let at = 0; at <= bytes.length; at++) {
    const byte = bytes[at];
    // In sets of two bytes of 7 bits, a delimiter's byte can be half of a character.
    const isDelimiter = set.adapt === undefined && byte !== undefined && delimiters.has(byte);
    if (byte !== undefined && byte !== escapeByte && !isDelimiter) continue;
    text += decode(bytes.subarray(start, at), set);
    if (byte === escapeByte) {
      const found = byEscape.find(([sequence]) => isAt(bytes, at + 1, sequence));
      set = found?.[1] ?? first;
      at += found?.[0].length ?? 0;
      start = at + 1;
    } else {
      set = first;
      start = at;
    }
  }
  return text;
}

const escapeByte = 0x1b;
/** Line ends, form feed, tab and `\`; in names also `^` and `=`. */
const delimitersOfText: ReadonlySet<number> = new Set([0x09, 0x0a, 0x0c, 0x0d, 0x5c]);
const delimitersOfNames: ReadonlySet<number> = new Set([...delimitersOfText, 0x3d, 0x5e]);

const setOfTerm = (term: string): CharacterSet =>
  byTerm[term.replace(/^ISO 2022 IR /, "ISO_IR ").replace(/^ISO_IR 87$|^ISO_IR 159$/, "")] ?? byTerm[""]!;

const decode = (bytes: Uint8Array, { encoding, adapt }: CharacterSet): string =>
  new TextDecoder(encoding).decode(adapt === undefined ? bytes : adapt(bytes));

const isAt = (bytes: Uint8Array, at: number, text: string): boolean =>
  [...text].every((character, i) => bytes[at + i] === character.charCodeAt(0));
