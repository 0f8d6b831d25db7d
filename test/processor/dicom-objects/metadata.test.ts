import { describe, expect, test } from "vitest";
import { JsonMismatch } from "../../../processor/contract/json-check.js";
import { cielabOf, colorOfLabel } from "../../../processor/dicom-objects/colors.js";
import { decimalText } from "../../../processor/dicom-objects/encode-data-set.js";
import { metadataOfLabels, namesWithoutCode } from "../../../processor/dicom-objects/metadata-of-labels.js";
import { conceptOfName, similarName } from "../../../processor/dicom-objects/name-to-code.js";
import { inlineMetadata, metadataOfNames } from "../../../processor/dicom-objects/read-inline.js";
import { completeMetadata } from "../../../processor/dicom-objects/read-metadata.js";
import { metadataOfTemplate, segmentationTemplate } from "../../../processor/dicom-objects/read-template.js";
import { uidOf } from "../../../processor/dicom-objects/uid.js";
import { decodeText } from "../../../processor/imaging/dicom/decode-text.js";
import { testDefaults } from "../../support/dicom/golden-objects.js";

describe("a name", () => {
  test.each([
    ["kidney_left", "64033007", "Left"],
    ["Left kidney", "64033007", "Left"],
    ["KidneyRight", "64033007", "Right"],
    ["vertebrae_L1", "66794005", null],
    ["lung_upper_lobe_left", "45653009", "Left"],
    ["lung_middle_lobe_right", "72481006", null],
    ["rib_left_10", "77644006", "Left"],
    ["small_bowel", "30315005", null],
    ["autochthon_right", "244849004", "Right"],
    ["heart_myocardium", "74281007", null],
    ["tumour", "108369006", null],
    ["urinary_bladder", "89837001", null],
  ])("%s has code %s and side %s", (name, value, side) => {
    const concept = conceptOfName(name);
    expect(concept?.type.value).toBe(value);
    expect(concept?.side?.meaning ?? null).toBe(side);
  });

  test("of a lesion has the category of abnormal structures", () => {
    expect(conceptOfName("Lesion")?.category.value).toBe("49755003");
  });

  test("that nobody knows has no code, and perhaps a similar one", () => {
    expect(conceptOfName("Prostatee")).toBeNull();
    expect(similarName("Prostatee")).toBe("Prostate");
    expect(similarName("xyzzy plugh 123456789")).toBeNull();
  });
});

test("a label of the model without a code gets a private one", () => {
  const labels = [
    { label: 1, name: "liver" },
    { label: 2, name: "region of my own" },
  ];
  const { segments } = metadataOfLabels(labels, testDefaults);
  expect(segments.map(({ type }) => type)).toEqual([
    { value: "10200004", scheme: "SCT", meaning: "Liver" },
    { value: "LABEL_2", scheme: "99NNUNETLABEL", meaning: "region of my own" },
  ]);
  expect(namesWithoutCode(labels)).toEqual(["region of my own"]);
});

test("the colour of a label is the same in every run and differs from its neighbours'", () => {
  const colors = Array.from({ length: 30 }, (_, i) => colorOfLabel(i + 1).join());
  expect(new Set(colors).size).toBe(30);
});

test("colours become the CIELab values that dcmqi writes", () => {
  expect(cielabOf([255, 255, 255])).toEqual(
    [65535, 32896, 32895].map((value) => expect.toSatisfy(near(value))),
  );
  expect(cielabOf([128, 174, 128])).toEqual(
    [43802, 26567, 37722].map((value) => expect.toSatisfy(near(value))),
  );
});

const near = (wanted: number) => (value: number) => Math.abs(value - wanted) <= 200;

describe("a template", () => {
  const code = { CodeValue: "10200004", CodingSchemeDesignator: "SCT", CodeMeaning: "Liver" };
  const segment = {
    labelID: 1,
    SegmentedPropertyCategoryCodeSequence: code,
    SegmentedPropertyTypeCodeSequence: code,
  };

  test("may leave out all but labels and codes", () => {
    const template = segmentationTemplate.read({ segmentAttributes: [[segment]] }, "");
    const metadata = metadataOfTemplate(template, testDefaults);
    expect(metadata).toMatchObject({
      seriesNumber: 300,
      seriesDescription: "Segmentation",
      contentLabel: "SEGMENTATION",
    });
    expect(metadata.segments[0]).toMatchObject({
      name: "Liver",
      algorithm: { type: "AUTOMATIC", name: "Phantom" },
    });
  });

  test("names the field that is wrong", () => {
    const read = (change: object) => () =>
      segmentationTemplate.read({ segmentAttributes: [[{ ...segment, ...change }]] }, "");
    expect(read({ SegmentLabel: "x".repeat(65) })).toThrow(JsonMismatch);
    expect(read({ SegmentLabel: "a\\b" })).toThrow(JsonMismatch);
    expect(read({ recommendedDisplayRGBValue: [1, 2, 300] })).toThrow(JsonMismatch);
    expect(read({ TrackingUniqueIdentifier: "../../x" })).toThrow(JsonMismatch);
  });
});

describe("a mistake in metadata is named with its place", () => {
  const code = { CodeValue: "10200004", CodingSchemeDesignator: "SCT", CodeMeaning: "Liver" };
  const segment = {
    labelID: 1,
    SegmentedPropertyCategoryCodeSequence: code,
    SegmentedPropertyTypeCodeSequence: code,
  };
  const template = (change: object) => ({
    segmentAttributes: [[segment, { ...segment, labelID: 2, ...change }]],
  });
  const names = (...segment_names: readonly unknown[]) => ({ algorithm_name: "Net", segment_names });

  test.each([
    [template({ labelID: "two" }), "segmentAttributes[0][1].labelID should be a whole number, 0 or more"],
    [
      template({ SegmentLable: "x" }),
      "segmentAttributes[0][1].SegmentLable is not known; did you mean SegmentLabel?",
    ],
    [
      { segmentAttributes: [{ ...segment, labelID: null }] },
      "segmentAttributes[0].labelID should be a whole number",
    ],
    [{ segmentattributes: [[segment]] }, "segmentattributes is not known; did you mean segmentAttributes?"],
    [{ SeriesNumber: "300" }, "it has neither segmentAttributes, as a template of dcmqi, nor segment_names"],
    [names("Liver", "x".repeat(65)), "segment_names[1] should be a text of at most 64 characters"],
    [names({ nane: "Liver" }), "segment_names[0].nane is not known; did you mean name?"],
    [
      { algorithm_name: "Net", segment_name: ["Liver"] },
      "segment_name is not known; did you mean segment_names?",
    ],
    [{ ...names("Liver"), serie_number: 3 }, "serie_number is not known; did you mean series_number?"],
  ])("%j", (given, says) => {
    expect(() => completeMetadata(given, "meta.json", testDefaults)).toThrow(`meta.json: ${says}`);
  });

  test("keys that only other programs know are allowed", () => {
    const given = { "@schema": "x", ImageComments: "y", ...template({ SegmentNumber: 2 }) };
    expect(completeMetadata(given, "meta.json", testDefaults).segments).toHaveLength(2);
  });
});

test("a name with a code of its own keeps it", () => {
  const inline = inlineMetadata.read(
    { algorithm_name: "Net", segment_names: [{ name: "left odd thing", code: "1", scheme: "99X" }] },
    "",
  );
  const [segment] = metadataOfNames(inline, testDefaults, "").segments;
  expect(segment).toMatchObject({
    type: { value: "1", scheme: "99X", meaning: "Odd Thing" },
    typeModifier: { meaning: "Left" },
  });
});

describe("text of a source", () => {
  const decoded = (bytes: readonly number[], ...sets: readonly string[]) =>
    decodeText(Uint8Array.from(bytes), sets, { isPersonName: true });
  const bytesOf = (text: string): readonly number[] => [...Buffer.from(text, "latin1")];

  test("is decoded by its character set", () => {
    expect(decoded(bytesOf("M\xfcller"), "ISO_IR 100")).toBe("Müller");
    expect(decoded([...Buffer.from("前立腺")], "ISO_IR 192")).toBe("前立腺");
    expect(decoded([0xbb, 0xee, 0xda], "ISO_IR 144")).toBe("Люк");
    expect(decoded(bytesOf("M\xfcller"))).toBe("M\ufffdller");
  });

  test("changes its character set at escape sequences, as in the examples of the standard", () => {
    expect(
      decoded(
        bytesOf("Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B"),
        "",
        "ISO 2022 IR 87",
      ),
    ).toBe("Yamada^Tarou=山田^太郎=やまだ^たろう");
    expect(
      decoded(bytesOf("Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7"), "", "ISO 2022 IR 149"),
    ).toBe("Hong^Gildong=洪^吉洞");
  });

  test.each(["ISO-IR 100", "ISO_IR_100", "iso_ir 100", "ISO 2022-IR 100", "LATIN1"])(
    "is decoded if the set is written as %s",
    (term) => {
      expect(decoded(bytesOf("M\xfcller"), term)).toBe("Müller");
    },
  );

  test("may lack the escape sequence of the only set that has its characters", () => {
    expect(decoded(bytesOf("M\xfcller"), "", "ISO 2022 IR 100")).toBe("Müller");
    expect(decoded(bytesOf("\xfb\xf3^\xd1\xce"), "ISO 2022 IR 6", "ISO 2022 IR 149")).toBe("洪^吉");
  });

  test("has replacement characters for what is in no set, and no control characters of its bytes", () => {
    expect(decoded(bytesOf("M\xfcller"), "KLINGON")).toBe("M\ufffdller");
    expect(decoded(bytesOf("A\x1b$ZB"), "ISO_IR 100")).toBe("A\ufffd$ZB");
  });
});

test("decimal text has at most 16 characters and as many digits as fit", () => {
  expect(decimalText(-12.345678901234567)).toBe("-12.345678901235");
  expect(decimalText(0.1 + 0.2)).toBe("0.3");
  for (const value of [1 / 3, -1 / 3, 1e-9 / 3, -123456.78901234567, 1e22 / 3, Math.PI * 1e5])
    expect(decimalText(value).length).toBeLessThanOrEqual(16);
});

test("a UID follows from its texts", () => {
  expect(uidOf("a", "b")).toBe(uidOf("a", "b"));
  expect(uidOf("a", "b")).not.toBe(uidOf("a", "c"));
  expect(uidOf("a", "b")).toMatch(/^2\.25\.[1-9]\d{1,38}$/);
});
