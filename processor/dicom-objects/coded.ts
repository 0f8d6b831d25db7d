import type { Attributes } from "./elements.js";
import type { Code } from "./segment-metadata.js";

/** Returns the one item of a code sequence (PS3.3, 8.8). A value of more than 16 characters has a field of its own. */
export const codeItem = ({ value, scheme, meaning }: Code): readonly Attributes[] => [
  {
    ...(value.length > 16 ? { LongCodeValue: value } : { CodeValue: value }),
    CodingSchemeDesignator: scheme,
    CodeMeaning: meaning,
  },
];

/** PS3.16, CID 7203, 7202 and 7162. */
export const standardCodes = {
  segmentation: { value: "113076", scheme: "DCM", meaning: "Segmentation" },
  sourceImage: { value: "121322", scheme: "DCM", meaning: "Source image for image processing operation" },
  artificialIntelligence: { value: "123110", scheme: "DCM", meaning: "Artificial Intelligence" },
} as const satisfies Readonly<Record<string, Code>>;
