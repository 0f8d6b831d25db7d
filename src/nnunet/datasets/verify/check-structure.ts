import { readdir } from "node:fs/promises";
import { join, relative } from "node:path";
import { counted } from "../../../../processor/contract/counted.js";
import { isFile } from "../../../../processor/files/exists.js";
import { readTextFile } from "../../../../processor/files/read-text-file.js";
import { someOf } from "../../../ground/some-of.js";
import { shortText } from "../../../ground/untrusted/short-text.js";
import { largestJsonBytes, readJsonObject } from "../../files/read-json.js";
import { type DatasetJson, datasetOf } from "../dataset-json.js";
import { brokenLabelRules, labelFamily, labelGaps } from "../label-rules.js";
import { byCodePoint, type DatasetCase, listCases } from "../list-cases.js";
import { allowReading, closedFolder, type UnusableFolder, unusableFolders } from "./check-folders.js";
import { type DatasetFinding, steps, stops } from "./dataset-finding.js";
import { jsonFault } from "./json-fault.js";
import { countIsFloat, datasetException, stopAtFault } from "./nnunet-exception.js";

/** The parts of a data set that could be found, and the faults of its files and of dataset.json. */
export interface DatasetStructure {
  /** Null if dataset.json cannot be used. */
  readonly dataset: DatasetJson | null;
  readonly cases: readonly DatasetCase[];
  readonly findings: readonly DatasetFinding[];
}

const note = (check: string, text: string, remedy: string): DatasetFinding => ({
  severity: "note",
  check,
  case: null,
  text,
  remedy,
  step: steps.cases,
  nnunet: { kind: "silent" },
});

const negativeLabels = (path: string, negative: readonly number[]): DatasetFinding => ({
  ...stops(steps.consecutive, "labels-negative", {
    text: `${path}: labels must be 0, 1, 2, …, but ${negative.join(", ")} is below 0`,
    remedy: "Renumber the labels in dataset.json and in the label files.",
  }),
  nnunet: { kind: "silent" },
});

const writeAgain = "Correct dataset.json; `build_processor dataset json` writes a new one.";

/** Checks everything that needs no image: dataset.json, folders, names of files, and the rules of labels. */
export async function checkStructure(
  rawFolder: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<DatasetStructure> {
  const closed = await closedFolder(rawFolder);
  if (closed !== null) return { dataset: null, cases: [], findings: [closed] };
  const path = join(rawFolder, "dataset.json");
  const fault = await jsonFault(path);
  const raw = fault?.isReadable === false || !(await isFile(path)) ? null : await readJsonObject(path);
  if (raw === null && fault !== null) {
    const { text, exception, remedy = writeAgain } = fault;
    const findings = [stops(steps.datasetJson, "dataset-json", { text, exception, remedy })];
    return { dataset: null, cases: [], findings };
  }
  if (raw === null) {
    const text = `${path} does not exist`;
    const missing = stops(steps.datasetJson, "dataset-json", {
      text,
      remedy: "Write one with `build_processor dataset json`.",
    });
    const folders = await unusableFolders(rawFolder);
    return { dataset: null, cases: [], findings: [missing, ...folders.map(({ finding }) => finding)] };
  }
  const { dataset, faults } = datasetOf(raw, rawFolder, { acceptsModality: false });
  const findings: DatasetFinding[] =
    fault === null
      ? []
      : [
          stops(steps.datasetJson, "dataset-json", {
            ...fault,
            remedy: "Save it without a byte order mark.",
          }),
        ];
  const listsCases = raw.has("dataset");
  const unusable = listsCases ? [] : await unusableFolders(rawFolder);
  for (const { finding } of unusable) findings.push(finding);
  for (const fault of faults) {
    const { key, kind, text } = fault;
    const { step, exception } = stopAtFault(fault, raw);
    const found = stops(step, `dataset-json-${kind}`, {
      text: `${path}: ${text}`,
      remedy:
        key === "channel_names" && raw.has("modality")
          ? "Rename v1's `modality` to `channel_names`, or convert the data set with `build_processor dataset convert`."
          : "Correct dataset.json; `build_processor dataset json` writes a new one.",
      ...(exception === null ? {} : { exception }),
    });
    findings.push(exception === null ? { ...found, nnunet: { kind: "silent" } } : found);
  }
  const withoutLabel = dataset?.listedCases?.find(({ label }) => label === null);
  if (withoutLabel !== undefined)
    findings.push(
      stops(steps.keys, "no-label", {
        text: `${path}: the case ${shortText(withoutLabel.id)} of \`dataset\` has no label`,
        remedy: "Name its label file, or remove the case.",
        exception: datasetException(raw.get("dataset")!) ?? "KeyError",
      }),
    );
  if (dataset === null) {
    // The files can be checked all the same if only the labels are unclear.
    const labels = new Map([["background", 0]]);
    const rest = datasetOf(new Map([...raw, ["labels", labels]]), rawFolder, { acceptsModality: false });
    if (rest.dataset === null) return { dataset, cases: [], findings };
    const found = await casesWithFaults(rest.dataset, unusable, environment);
    return { dataset, cases: [], findings: [...findings, ...found.faults] };
  }
  if (countIsFloat(await readTextFile(path, largestJsonBytes)))
    findings.push(
      stops(steps.cases, "case-count-float", {
        text: `${path}: \`numTraining\` is written as a decimal number, which nnU-Net cannot count with`,
        remedy: `Write it as ${dataset.caseCount}, without a point or exponent.`,
        exception: "TypeError",
      }),
    );
  const inQuotes = dataset.labels.filter(({ isText }) => isText === true);
  if (inQuotes.length > 0)
    findings.push(
      note(
        "labels-in-quotes",
        `${path}: the values of ${inQuotes.map(({ name }) => shortText(name)).join(", ")} in \`labels\` are in quotes; nnU-Net reads them as numbers, but other tools may not`,
        "Write the values as numbers, without quotes.",
      ),
    );
  for (const { check, exception, text, remedy } of brokenLabelRules(dataset))
    findings.push(stops(steps.labelRules, check, { exception, text: `${path}: ${text}`, remedy }));
  const negative = labelFamily(dataset).allLabels.filter((value) => value < 0);
  if (negative.length > 0) findings.push(negativeLabels(path, negative));
  const gaps = labelGaps(dataset);
  if (gaps.length > 0)
    findings.push(
      stops(steps.consecutive, "labels-consecutive", {
        text: `${path}: labels must be 0, 1, 2, … without a gap, but ${gaps.join(", ")} ${gaps.length === 1 ? "does" : "do"} not follow its predecessor`,
        remedy: "Renumber the labels in dataset.json and in the label files.",
      }),
    );
  // Then imagesTr says nothing about the cases.
  if (listsCases && dataset.listedCases === null) return { dataset, cases: [], findings };
  const { cases, faults: fileFaults } = await casesWithFaults(dataset, unusable, environment);
  return { dataset, cases, findings: [...findings, ...fileFaults] };
}

/** Lists the cases and what is wrong with their files, as far as the folders can be used. */
async function casesWithFaults(
  dataset: DatasetJson,
  unusable: readonly UnusableFolder[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<{ readonly cases: readonly DatasetCase[]; readonly faults: readonly DatasetFinding[] }> {
  if (unusable.some(({ name }) => name === "imagesTr")) return { cases: [], faults: [] };
  const cases = await listCases(dataset, environment);
  const faults = await fileFindings(dataset, cases, { hasLabels: unusable.length === 0 });
  return {
    cases: unusable.length === 0 ? cases : cases.map((found) => ({ ...found, label: null })),
    faults,
  };
}

async function fileFindings(
  dataset: DatasetJson,
  cases: readonly DatasetCase[],
  { hasLabels }: { readonly hasLabels: boolean },
): Promise<readonly DatasetFinding[]> {
  const { folder, caseCount, fileEnding } = dataset;
  const findings: DatasetFinding[] = [];
  if (cases.length !== caseCount)
    findings.push(
      stops(steps.caseCount, "case-count", {
        text: `${folder} has ${counted(cases.length, "training case")}${
          cases.length === 0 ? "" : ` (${someOf(cases.map(({ id }) => id))})`
        }, but \`numTraining\` is ${caseCount}`,
        remedy: `Correct \`numTraining\` or \`file_ending\` (${fileEnding}), or add the missing cases. A file whose channel number has not four digits counts as a case of its own.`,
      }),
    );
  const first = cases[0];
  if (caseCount === 0 && first === undefined)
    findings.push(
      stops(steps.reader, "no-cases", {
        text: `${folder} has no training case, and \`numTraining\` is 0`,
        remedy: `Put images (<case>_0000${fileEnding}) into imagesTr and labels (<case>${fileEnding}) into labelsTr, and correct \`numTraining\`.`,
        exception: "StopIteration",
      }),
    );
  if (first?.images.length === 0)
    findings.push(
      stops(steps.reader, "no-image", {
        text: `${folder}: the first case, ${shortText(first.id)}, has no image`,
        remedy: "Add its images, or remove the case.",
        exception: "IndexError",
      }),
    );
  const missing: string[] = [];
  const closed: string[] = [];
  for (const { id, images, label } of cases) {
    const files = dataset.listedCases === null ? [] : [...images];
    if (hasLabels && label !== null) files.push(label);
    for (const file of files)
      await isFile(file).then(
        (isThere) => isThere || missing.push(file),
        () => closed.push(file),
      );
    if (hasLabels && label === null) missing.push(`label of ${id}`);
  }
  const exception = dataset.listedCases === null ? "AssertionError" : "FileNotFoundError";
  if (closed.length > 0)
    findings.push(
      stops(steps.files, "closed-files", {
        text: `${counted(closed.length, "file")} in a folder that this account may not look into: ${closed.map((path) => relative(folder, path)).join(", ")}`,
        remedy: allowReading,
        exception,
      }),
    );
  if (missing.length > 0)
    findings.push(
      stops(steps.files, "missing-files", {
        text: `${counted(missing.length, "file")} missing: ${missing.map((path) => relative(folder, path)).join(", ")}`,
        remedy: "Add the files, or remove the cases.",
        exception,
      }),
    );
  return [...findings, ...(await unusedFiles(dataset, cases))];
}

/** Returns notes about files that nnU-Net does not use, which often have a wrong name. */
async function unusedFiles(
  { folder, listedCases }: DatasetJson,
  cases: readonly DatasetCase[],
): Promise<readonly DatasetFinding[]> {
  if (listedCases !== null) return [];
  const used = new Set(cases.flatMap(({ images, label }) => [...images, ...(label === null ? [] : [label])]));
  const findings: DatasetFinding[] = [];
  for (const [name, what] of [
    ["imagesTr", "images"],
    ["labelsTr", "labels"],
  ] as const) {
    const names = await readdir(join(folder, name)).catch(() => []); // `unusableFolders` says why
    const unused = names.filter((file) => !used.has(join(folder, name, file))).toSorted(byCodePoint);
    if (unused.length > 0)
      findings.push(
        note(
          `unused-${what}`,
          `${join(folder, name)} has ${counted(unused.length, "file")} that no case uses: ${someOf(unused)}`,
          "Rename or remove them: images are `<case>_0000<ending>`, labels `<case><ending>`.",
        ),
      );
  }
  return findings;
}
