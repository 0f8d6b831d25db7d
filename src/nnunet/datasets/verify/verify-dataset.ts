import type { ProcessorError } from "../../../../processor/contract/errors.js";
import { isNibabel } from "../../../../processor/contract/reader-class.js";
import { isFile } from "../../../../processor/files/exists.js";
import { eachCase, type WorkTools } from "../../threads/each-case.js";
import type { DatasetJson } from "../dataset-json.js";
import { type CaseFacts, isRead } from "../examine-case.js";
import { chooseReader, type ImageReaderName, isReaderName, type ReaderChoice } from "../image-reader.js";
import { labelFamily } from "../label-rules.js";
import type { DatasetCase } from "../list-cases.js";
import { hasUnknownCapitals } from "../unknown-capitals.js";
import { checkCase } from "./check-case.js";
import { allowReading } from "./check-folders.js";
import { checkStructure } from "./check-structure.js";
import { type DatasetFinding, steps } from "./dataset-finding.js";

export interface VerifyReport {
  readonly dataset: string;
  readonly rawFolder: string;
  readonly cases: number;
  /** True if there are no errors. */
  readonly isFine: boolean;
  /** The class of nnU-Net that reads the images; null if none can. */
  readonly reader: string | null;
  /** In the order in which nnU-Net would find them. */
  readonly findings: readonly DatasetFinding[];
}

/** Checks a whole data set and collects every fault, also those behind the first. */
export async function verifyDataset(
  { name, rawFolder }: { readonly name: string; readonly rawFolder: string },
  tools: WorkTools & { readonly environment: Readonly<Record<string, string | undefined>> },
): Promise<VerifyReport> {
  const { dataset, cases, findings } = await checkStructure(rawFolder, tools.environment);
  const all = [...findings];
  let reader: string | null = null;
  if (dataset !== null && cases.length > 0) {
    const { choice, found } = await readAll({ name, dataset, cases }, tools);
    if ("finding" in choice) all.push(choice.finding);
    else {
      reader = choice.reader;
      if (choice.unknownName !== null) all.push(unknownReader(choice.unknownName, choice.reader));
      all.push(...wrongReader(dataset, choice, cases));
      const example = cases[0]!.images[0];
      for (const finding of found) {
        // nnU-Net tries the first image when it chooses a reader by the ending.
        const isTried = !isReaderName(dataset.readerOverride) && finding.check === "image-dimensions";
        const isExample = isTried && example !== undefined && finding.text.startsWith(`${example} `);
        all.push(isExample ? refusedExample(finding) : finding);
      }
    }
  }
  const ordered = all
    .map((finding, i) => ({ finding, i }))
    .sort((a, b) => a.finding.step - b.finding.step || a.i - b.i)
    .map(({ finding }) => finding);
  return {
    dataset: name,
    rawFolder,
    cases: cases.length,
    isFine: ordered.every(({ severity }) => severity !== "error"),
    reader,
    findings: ordered,
  };
}

type CheckedChoice = ReaderChoice | { readonly finding: DatasetFinding };

/** Chooses the reader by the header of the example, reads all cases, and chooses again if the example is not whole. */
async function readAll(
  question: CasesQuestion,
  tools: WorkTools,
): Promise<{ readonly choice: CheckedChoice; readonly found: readonly DatasetFinding[] }> {
  const { dataset, cases } = question;
  const guess = await chosenReader(dataset, cases, "header");
  if ("finding" in guess) return { choice: guess, found: [] };
  const { findings, isExampleWhole } = await caseFindings(question, guess, tools);
  return { choice: isExampleWhole ? guess : await chosenReader(dataset, cases, "whole"), found: findings };
}

async function chosenReader(
  dataset: DatasetJson,
  cases: readonly DatasetCase[],
  looksAt: "whole" | "header",
): Promise<CheckedChoice> {
  try {
    return await chooseReader(dataset, cases[0]!.images[0] ?? null, looksAt);
  } catch (error) {
    const { message: text, cause } = error as ProcessorError;
    return {
      finding: {
        severity: "error",
        check: "reader",
        case: null,
        text,
        remedy:
          (cause as NodeJS.ErrnoException | undefined)?.code === "EACCES"
            ? allowReading
            : "Correct `file_ending`, convert the images to .nii.gz, or name a reader in `overwrite_image_reader_writer`.",
        step: steps.reader,
        nnunet: { kind: "stops", exception: "RuntimeError", text },
      },
    };
  }
}

const unknownReader = (name: string, reader: string): DatasetFinding => ({
  severity: "warning",
  check: "reader-name",
  case: null,
  text: `dataset.json names the reader ${name}, which nnU-Net does not have; it takes ${reader}`,
  remedy: "Correct or remove `overwrite_image_reader_writer`.",
  step: steps.reader,
  nnunet: { kind: "warns", line: `Warning: Unable to find ioclass specified in dataset.json: ${name}` },
});

/** Returns the exception with which a reader of nnU-Net refuses an ending that this tool reads; null if it does not. */
function refusal(reader: ImageReaderName, ending: string): string | null {
  if (hasUnknownCapitals(ending, reader)) return isNibabel(reader) ? "FileNotFoundError" : "RuntimeError";
  if (isNibabel(reader))
    return /\.(nii|hdr|img|mg[hz]|mnc)(\.gz|\.bz2)?$/i.test(ending) ? null : "ImageFileError";
  if (reader === "Tiff3DIO") return /\.tiff?$/i.test(ending) ? null : "AssertionError";
  if (reader !== "NaturalImage2DIO" || !/\.(nii|nii\.gz|mha|mhd|nrrd|gipl)$/i.test(ending)) return null;
  return /\.gz$/i.test(ending) ? "OSError" : "AssertionError";
}

function wrongReader(
  { fileEnding, listedCases }: DatasetJson,
  { reader }: ReaderChoice,
  cases: readonly DatasetCase[],
): readonly DatasetFinding[] {
  // The files that `dataset` lists may have other endings than it says.
  const ending = listedCases === null ? fileEnding : (cases[0]?.label ?? fileEnding);
  const exception = refusal(reader, ending);
  if (exception === null) return [];
  const text = `dataset.json names the reader ${reader}, which reads no files that end with ${ending}`;
  return [
    {
      severity: "error",
      check: "reader-ending",
      case: null,
      text,
      remedy:
        "Remove `overwrite_image_reader_writer`, so that nnU-Net chooses by the ending, or name a reader of this format.",
      step: steps.labelValues,
      nnunet: { kind: "stops", exception, text },
    },
  ];
}

const refusedExample = (finding: DatasetFinding): DatasetFinding => ({
  ...finding,
  step: steps.reader,
  nnunet: { kind: "stops", exception: "RuntimeError", text: finding.text },
});

interface CasesQuestion {
  readonly name: string;
  readonly dataset: DatasetJson;
  readonly cases: readonly DatasetCase[];
}

async function caseFindings(
  { name, dataset, cases }: CasesQuestion,
  { reader }: ReaderChoice,
  tools: WorkTools,
): Promise<{ readonly findings: readonly DatasetFinding[]; readonly isExampleWhole: boolean }> {
  const { allLabels, ignoreLabel } = labelFamily(dataset);
  const expectedLabels = ignoreLabel === null ? allLabels : [...allLabels, ignoreLabel];
  const used = new Set<number>();
  const example = cases[0]!.images[0];
  let isExampleWhole = false;
  let hasReadLabel = false;
  const found = await eachCase(
    cases,
    { label: `${name}: reading`, tools, isReading: true },
    async ({ id, images, label }, pool) => {
      const present: string[] = [];
      for (const path of images) if (await isVisibleFile(path)) present.push(path);
      const hasLabel = label !== null && (await isVisibleFile(label));
      const task = { reader, images: present, label: hasLabel ? label : null, measuresIntensities: false };
      const facts: CaseFacts = await pool.run("examineCase", task);
      const [first] = facts.images;
      if (present[0] === example && first !== undefined)
        isExampleWhole ||= isRead(first) && first.cutOff === null;
      if (isRead(facts.label)) {
        hasReadLabel = true;
        for (const value of facts.label.values) used.add(value);
      }
      return checkCase({ id, facts, reader, expectedLabels, channelCount: dataset.channelNames.length });
    },
  );
  const unused = hasReadLabel ? expectedLabels.filter((value) => !used.has(value)) : [];
  const findings = [...found.flat(), ...(unused.length === 0 ? [] : [unusedLabels(dataset, unused)])];
  return { findings, isExampleWhole };
}

/** `checkStructure` has named the files that this account may not look at. */
const isVisibleFile = (path: string): Promise<boolean> => isFile(path).catch(() => false);

function unusedLabels({ labels }: DatasetJson, unused: readonly number[]): DatasetFinding {
  const named = unused.map(
    (value) =>
      `${value} (${labels.find(({ values }) => values.length === 1 && values[0] === value)?.name ?? "part of a region"})`,
  );
  return {
    severity: "note",
    check: "unused-labels",
    case: null,
    text: `no label file has the value ${named.join(", ")}`,
    remedy: "A network cannot learn what no label shows; remove the label or check the label files.",
    step: steps.cases,
    nnunet: { kind: "silent" },
  };
}
