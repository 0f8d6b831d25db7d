import { nearest } from "../contract/nearest-name.js";
import { type SegmentKind, segmentCodes } from "./segment-codes.js";
import type { Code } from "./segment-metadata.js";

export interface NamedConcept {
  readonly category: Code;
  readonly type: Code;
  readonly side: Code | null;
}

/**
 * Looks up what a name means. Case, underscores, the order of words and plurals do not matter, and a side is told apart:
 * `left kidney`, `kidney_left` and `KidneyLeft` are the same.
 *
 * @returns null if the name is unknown
 */
export function conceptOfName(name: string): NamedConcept | null {
  const words = wordsOf(name);
  const side = words.includes("left") ? sides.left : words.includes("right") ? sides.right : null;
  const found = find(words.filter((word) => word !== "left" && word !== "right"));
  if (found !== null) return { ...found, side };
  const whole = find(words);
  return whole === null ? null : { ...whole, side: null };
}

/** Returns the known name that was most likely meant; null if none is similar. */
export const similarName = (name: string): string | null => nearest(name.replaceAll("_", " "), allNames());

export const sides = {
  left: { value: "7771000", scheme: "SCT", meaning: "Left" },
  right: { value: "24028007", scheme: "SCT", meaning: "Right" },
} as const satisfies Readonly<Record<string, Code>>;

/** PS3.16, CID 7150. */
export const categories: Readonly<Record<SegmentKind, Code>> = {
  anatomicalStructure: { value: "91723000", scheme: "SCT", meaning: "Anatomical Structure" },
  tissue: { value: "85756007", scheme: "SCT", meaning: "Tissue" },
  morphologicallyAbnormalStructure: {
    value: "49755003",
    scheme: "SCT",
    meaning: "Morphologically Abnormal Structure",
  },
  physicalObject: { value: "260787004", scheme: "SCT", meaning: "Physical object" },
  bodySubstance: { value: "91720002", scheme: "SCT", meaning: "Body Substance" },
};

type FoundConcept = Omit<NamedConcept, "side">;

function find(words: readonly string[]): FoundConcept | null {
  return concepts().get(keyOf(words)) ?? null;
}

/** Names that models use, and the standard's meaning of the same. */
const synonyms: readonly (readonly [name: string, meaning: string])[] = [
  ["atrial appendage", "auricular appendage"],
  ["autochthon", "deep muscle of back"],
  ["brachiocephalic artery", "innominate artery"],
  ["brainstem", "brain stem"],
  ["cancer", "neoplasm"],
  ["clavicula", "clavicle"],
  ["csf", "cerebrospinal fluid"],
  ["gall bladder", "gallbladder"],
  ["gluteus maximus", "gluteus maximus muscle"],
  ["gluteus medius", "gluteus medius muscle"],
  ["gluteus minimus", "gluteus minimus muscle"],
  ["grey matter", "gray matter"],
  ["haemorrhage", "hemorrhage"],
  ["heart atrium left", "left atrium"],
  ["heart atrium right", "right atrium"],
  ["heart myocardium", "myocardium"],
  ["heart ventricle left", "left ventricle"],
  ["heart ventricle right", "right ventricle"],
  ["iliac vena", "common iliac vein"],
  ["iliopsoas", "iliopsoas muscle"],
  ["large bowel", "large intestine"],
  ["oedema", "edema"],
  ["oesophagus", "esophagus"],
  ["peripheral zone", "peripheral zone of prostate"],
  ["prostate gland", "prostate"],
  ["small bowel", "small intestine"],
  ["subcutaneous fat", "subcutaneous fatty tissue"],
  ["thyroid gland", "thyroid"],
  ["transition zone", "transition zone of prostate"],
  ["transitional zone", "transition zone of prostate"],
  ["tumour", "neoplasm"],
];

const ordinals = [
  "first",
  "second",
  "third",
  "fourth",
  "fifth",
  "sixth",
  "seventh",
  "eighth",
  "ninth",
  "tenth",
  "eleventh",
  "twelfth",
];

/** Splits `vertebrae_L1`, `UrinaryBladder` and `Lobe of lung` into words in lower case without ending. */
function wordsOf(name: string): readonly string[] {
  const words = name
    .replace(/(\p{Ll})(\p{Lu})/gu, "$1 $2")
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== "" && !["of", "the", "structure"].includes(word))
    .map((word) => (word === "vertebrae" ? "vertebra" : word.length > 3 ? word.replace(/s$/, "") : word));
  if (!words.includes("rib")) return words;
  return words.map((word) => ordinals[Number(word) - 1] ?? word);
}

const keyOf = (words: readonly string[]): string => [...words].sort().join(" ");

const rows = once(() =>
  (Object.entries(segmentCodes) as [SegmentKind, string][]).flatMap(([kind, text]) =>
    text.split(";").map((row) => {
      const [meaning, value] = row.trim().split("=") as [string, string];
      return { kind, meaning, value };
    }),
  ),
);

const allNames = once(() => rows().map(({ meaning }) => meaning));

const concepts = once(() => {
  const found = new Map<string, FoundConcept>();
  for (const { kind, meaning, value } of rows()) {
    const key = keyOf(wordsOf(meaning));
    if (!found.has(key))
      found.set(key, { category: categories[kind], type: { value, scheme: "SCT", meaning } });
  }
  for (const [name, meaning] of synonyms) {
    const concept = found.get(keyOf(wordsOf(meaning)));
    if (concept === undefined) throw new Error(`no code for ${meaning}`);
    found.set(keyOf(wordsOf(name)), concept);
  }
  return found;
});

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
