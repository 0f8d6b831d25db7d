import { readdir } from "node:fs/promises";
import { basename, dirname, extname, join, relative, sep } from "node:path";
import { readWholeText, unreadable } from "../../../processor/files/read-text-file.js";
import { splitImageEnding } from "../../../processor/imaging/formats/image-ending.js";
import { readImage } from "../../../processor/imaging/formats/read-image.js";
import type { Geometry } from "../../../processor/imaging/volume/geometry.js";
import type { Image } from "../../../processor/imaging/volume/image.js";
import { type Finding, fail, notChecked, pass } from "../../ground/finding.js";
import { compareLabels, countVoxels, type LabelComparison } from "./compare-labels.js";
import type { ExpectedOutput, OutputRules } from "./expected-output.js";
import { lintDicom } from "./lint-dicom.js";
import type { Segmentation } from "./phase-result.js";

export interface LintOptions {
  /** The folder that the processor wrote. */
  readonly folder: string;
  readonly cases: readonly ExpectedOutput[];
  readonly rules: OutputRules;
  /** The label values that the image's labels announce; null if they announce none. */
  readonly labels: readonly number[] | null;
  /** The smallest Dice at which a segmentation counts as the expected one. */
  readonly minDice: number;
  /** The settings in which the image differs from nnU-Net's defaults. */
  readonly departures: readonly string[];
}

export interface LintedOutput {
  readonly findings: readonly Finding[];
  readonly segmentations: readonly Segmentation[];
}

/** Checks all files that a run left in its output folder. */
export async function lintOutput(options: LintOptions): Promise<LintedOutput> {
  const { folder, rules } = options;
  const files = (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .sort();
  const findings: Finding[] = [layouts[rules.layout](files, options)];
  const segmentations: Segmentation[] = [];
  for (const expected of options.cases) {
    const own = imagesOfCase(files, expected, options);
    for (const path of own) {
      // A platform's files have random names; people know the case and the folders of its sockets.
      const name = own.length > 1 ? `${expected.name} (${basename(dirname(path))})` : expected.name;
      const linted = await lintImage({ path, name }, expected, options);
      findings.push(...linted.findings);
      if (linted.segmentation !== null) segmentations.push(linted.segmentation);
    }
  }
  for (const path of files.filter((name) => extname(name) === ".json"))
    findings.push(await lintJson(join(folder, path), path));
  for (const path of files.filter((name) => extname(name) === ".dcm"))
    findings.push(await lintDicom(join(folder, path), path, segmentationBeside(path, segmentations)));
  return { findings, segmentations };
}

/** Returns the image of the same case: `case.dcm` and `case_struct.dcm` belong to `case.nii.gz`. */
const segmentationBeside = (path: string, all: readonly Segmentation[]): Segmentation | null =>
  all.find((one) => {
    const stem = stemOf(one.path);
    return (
      dirname(one.path) === dirname(path) && [`${stem}.dcm`, `${stem}_struct.dcm`].includes(basename(path))
    );
  }) ?? null;

const isImage = (path: string): boolean =>
  splitImageEnding(basename(path)) !== null || /\.tiff?$/i.test(path);

const stemOf = (path: string): string =>
  splitImageEnding(basename(path))?.stem ?? basename(path, extname(path));

const withoutChannel = (stem: string): string => stem.replace(/_\d{4}$/, "");

function imagesOfCase(
  files: readonly string[],
  expected: ExpectedOutput,
  { rules, cases }: LintOptions,
): readonly string[] {
  const fileNames = fileNamesOf(expected);
  const found = files.filter(isImage);
  if (rules.layout === "folder-per-socket" || cases.length === 1) return found;
  if (rules.layout === "same-file-name") return found.filter((path) => fileNames.includes(path));
  return found.filter((path) => withoutChannel(stemOf(path)) === expected.name);
}

const fileNamesOf = ({ fileNames, images }: ExpectedOutput): readonly string[] =>
  fileNames ?? images.map((image) => basename(image));

type Layout = (files: readonly string[], options: LintOptions) => Finding;

const layouts: Readonly<Record<OutputRules["layout"], Layout>> = {
  "folder-per-socket": (files, { rules }) => {
    const images = files.filter((path) => isImage(path));
    const lost = images.find((path) => !/^images\/[^/]+\/[^/]+$/.test(path));
    if (lost !== undefined)
      return fail(
        "layout",
        `/output/${lost} is not in the folder of a socket`,
        "Build with `build_processor --target grand-challenge`: images go to /output/images/<slug>/.",
      );
    const wrong = images.find((path) => !rules.endings!.some((ending) => path.endsWith(ending)));
    if (wrong !== undefined)
      return fail(
        "layout",
        `/output/${wrong}: only .mha and .tif are accepted`,
        "Write .mha (output_extension).",
      );
    if (images.length === 0)
      return fail(
        "layout",
        "there is no image in /output/images",
        "The log says why the case was not written.",
      );
    const folders = images.map((path) => dirname(path));
    const twice = folders.find((path, i) => folders.indexOf(path) !== i);
    return twice === undefined
      ? pass("layout", `one image in ${folders.map((folder) => `/output/${folder}`).join(", ")}`)
      : fail(
          "layout",
          `/output/${twice} holds ${folders.filter((path) => path === twice).length} images`,
          "Write exactly one for each socket; results of an earlier case must not stay.",
        );
  },
  "same-file-name": (files, { cases }) => {
    const wanted = cases.flatMap(fileNamesOf);
    const missing = wanted.filter((name) => !files.includes(name));
    return missing.length === 0
      ? pass("layout", `${wanted.join(", ")}: under the inputs' names`)
      : fail(
          "layout",
          `no ${missing.join(", ")} in the output folder`,
          "Write each segmentation under its input's file name, directly in the output folder.",
        );
  },
  "by-case-name": (files, options) => {
    const missing = options.cases.filter((one) => imagesOfCase(files, one, options).length === 0);
    return missing.length === 0
      ? pass(
          "layout",
          `a segmentation for ${options.cases.length === 1 ? "the case" : `each of ${options.cases.length} cases`}`,
        )
      : fail(
          "layout",
          `no segmentation of ${missing.map(({ name }) => name).join(", ")}`,
          "The log says why; allowed_extensions must name the input's ending.",
        );
  },
};

interface LintedImage {
  readonly findings: readonly Finding[];
  readonly segmentation: Segmentation | null;
}

interface WrittenImage {
  /** The path below the output folder. */
  readonly path: string;
  /** The name that reports show. */
  readonly name: string;
}

async function lintImage(
  { path, name }: WrittenImage,
  expected: ExpectedOutput,
  options: LintOptions,
): Promise<LintedImage> {
  let image: Image;
  try {
    image = await readImage(join(options.folder, path));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return {
      findings: [fail("readable", reason, "Write .mha: the file must open in any viewer.")],
      segmentation: null,
    };
  }
  const source = expected.images[0];
  const right = expected.expected === null ? null : await readImage(expected.expected);
  const comparison =
    right !== null && right.voxels.length === image.voxels.length
      ? compareLabels(image.voxels, right.voxels)
      : countVoxels(image.voxels);
  const findings = [
    ...(options.rules.isEightBitOnly ? [checkEightBit(name, image)] : []),
    checkSingleChannel(name, image),
    source === undefined
      ? notChecked("geometry", `${name}: the case has no image to compare with`)
      : checkGeometry(name, image.geometry, (await readImage(source)).geometry),
    checkLabels(name, comparison, options.labels),
    ...(right === null ? [] : [checkExpected({ ...options, name, image, right, comparison })]),
  ];
  return { findings, segmentation: { caseName: expected.name, path, labels: comparison } };
}

function checkEightBit(name: string, { voxels }: Image): Finding {
  const type = voxels.constructor.name.replace("Array", "");
  return voxels instanceof Uint8Array
    ? pass("eight-bit", `${name}: 8 bit`)
    : fail("eight-bit", `${name}: ${type} voxels, not Uint8`, "Write MET_UCHAR.");
}

const checkSingleChannel = (name: string, { components }: Image): Finding =>
  components === 1
    ? pass("single-channel", `${name}: one value for each voxel`)
    : fail("single-channel", `${name}: ${components} values for each voxel`, "Write labels, not colours.");

/** Text headers keep a dozen digits; a NIfTI header keeps float32. */
const geometryTolerance = 1e-5;

function checkGeometry(name: string, found: Geometry, input: Geometry): Finding {
  const parts = (["sizeZyx", "spacingMmZyx", "originMmXyz", "directionXyz"] as const).filter((key) =>
    found[key].some((value, i) => {
      const wanted = input[key][i]!;
      return Math.abs(value - wanted) > geometryTolerance * Math.max(1, Math.abs(wanted));
    }),
  );
  if (parts.length === 0)
    return pass("geometry", `${name}: size, spacing, origin and direction of the input`);
  const told = parts.map((key) => `${key} ${found[key].join(" ")} instead of ${input[key].join(" ")}`);
  return fail("geometry", `${name}: ${told.join("; ")}`, "Copy the input's geometry; viewers overlay by it.");
}

function checkLabels(
  name: string,
  counted: readonly LabelComparison[],
  labels: readonly number[] | null,
): Finding {
  const values = counted.filter(({ voxels }) => voxels > 0).map(({ label }) => label);
  const shown = `${name}: ${values.join(" ")}`;
  if (labels === null)
    return notChecked("labels", `${shown}; the image does not say which values its segmentations have`);
  const others = values.filter((value) => !labels.includes(value));
  return others.length === 0
    ? pass("labels", shown)
    : fail(
        "labels",
        `${name}: ${others.slice(0, 10).join(" ")} ${others.length === 1 ? "is" : "are"} not among ${labels.join(" ")}`,
        "Only values of the socket's overlay may appear.",
      );
}

interface ComparedImages extends Pick<LintOptions, "minDice" | "departures"> {
  readonly name: string;
  readonly image: Image;
  readonly right: Image;
  readonly comparison: readonly LabelComparison[];
}

function checkExpected({ name, image, right, comparison, minDice, departures }: ComparedImages): Finding {
  const remedy =
    departures.length === 0
      ? "Compare with `build_processor predict` of the same model on the same image."
      : `The image does not use nnU-Net's defaults: ${departures.join("; ")}. Build it with them, or expect segmentations made in the same way.`;
  if (image.voxels.length !== right.voxels.length)
    return fail(
      "expected",
      `${name}: ${image.voxels.length} voxels, expected ${right.voxels.length}`,
      remedy,
    );
  const dice = comparison.filter(({ label }) => label !== 0);
  const shown = dice
    .map((one) => `${one.label}: Dice ${one.dice!.toFixed(4)}, ${one.voxels} of ${one.expectedVoxels} voxels`)
    .join("; ");
  return dice.every((one) => one.dice! >= minDice)
    ? pass("expected", `${name}: ${shown || "background only"}`)
    : fail("expected", `${name}: ${shown}; Dice must be ${minDice} or more`, remedy);
}

/** The largest JSON file that is read, far more than one case needs. */
const maxJsonBytes = 64 << 20;

async function lintJson(path: string, name: string): Promise<Finding> {
  let text: string;
  try {
    // A byte order mark would make the platform refuse the file.
    text = await readWholeText(path, maxJsonBytes);
  } catch (error) {
    return fail("json", `/output/${name}: ${unreadable(error)}`, "Write a JSON file of less than 64 MiB.");
  }
  try {
    JSON.parse(text);
    return pass("json", `/output/${name} is JSON`);
  } catch (error) {
    const word = /(?<![\w"])(-?(?:NaN|Infinity))(?![\w"])/.exec(text)?.[1];
    return fail(
      "json",
      word === undefined ? `/output/${name}: ${String(error)}` : `/output/${name} holds ${word}`,
      "JSON knows neither NaN nor Infinity: write null.",
    );
  }
}
