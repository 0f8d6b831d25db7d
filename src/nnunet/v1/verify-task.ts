import { basename, join } from "node:path";
import { counted } from "../../../processor/contract/counted.js";
import { ProcessorError } from "../../../processor/contract/errors.js";
import { exists } from "../../../processor/files/exists.js";
import { filesOf } from "../conversion/build-folder.js";
import type { CaseFacts, ImageFacts } from "../datasets/examine-case.js";
import type { DatasetFinding, NnunetEffect } from "../datasets/verify/dataset-finding.js";
import type { VerifyReport } from "../datasets/verify/verify-dataset.js";
import { eachCase, type WorkTools } from "../threads/each-case.js";
import { readTaskJson, type Task, type TaskFiles } from "./read-task.js";

/** The steps of v1's `verify_dataset_integrity`, in its order; differences of geometry end it last. */
const steps = { task: 1, files: 2, leftOver: 3, consecutive: 4, labelValues: 5, geometry: 6 } as const;

const assertion = (text: string): NnunetEffect => ({ kind: "stops", exception: "AssertionError", text });

/** Checks a task as nnU-Net v1 does, and collects every fault. */
export async function verifyTask(
  { name, rawFolder }: { readonly name: string; readonly rawFolder: string },
  tools: WorkTools,
): Promise<VerifyReport> {
  const found = await readTaskJson(rawFolder).catch((error: unknown) => {
    if (error instanceof ProcessorError) return error;
    throw error;
  });
  const findings =
    found instanceof ProcessorError
      ? [taskFault(found.message)]
      : [...(await fileFindings(found)), ...labelGaps(found), ...(await caseFindings(name, found, tools))];
  return {
    dataset: name,
    rawFolder,
    cases: found instanceof ProcessorError ? 0 : found.cases.length,
    isFine: findings.every(({ severity }) => severity !== "error"),
    reader: "SimpleITKIO",
    findings: findings.toSorted((a, b) => a.step - b.step),
  };
}

const taskFault = (text: string): DatasetFinding => ({
  severity: "error",
  check: "dataset-json",
  case: null,
  text,
  remedy: "Write dataset.json as nnU-Net v1 needs it: modality, labels, training, test.",
  step: steps.task,
  nnunet: assertion(text),
});

async function fileFindings({ folder, cases }: Task): Promise<readonly DatasetFinding[]> {
  const findings: DatasetFinding[] = [];
  for (const { id, images, label } of cases)
    for (const path of [label, ...images])
      if (!(await exists(path)))
        findings.push({
          severity: "error",
          check: "missing-files",
          case: id,
          text: `${path} is missing`,
          remedy: "Add the file, or remove the case from `training` in dataset.json.",
          step: steps.files,
          nnunet: assertion(`${path} is missing`),
        });
  const used = new Set(cases.flatMap(({ images, label }) => [...images, label]));
  for (const part of ["labelsTr", "imagesTr"]) {
    const names = (await filesOf(join(folder, part))) ?? [];
    const unused = names.filter((file) => file.endsWith(".nii.gz") && !used.has(join(folder, part, file)));
    if (unused.length > 0)
      findings.push({
        severity: "error",
        check: "left-over-files",
        case: null,
        text: `${join(folder, part)} has ${counted(unused.length, "file")} that dataset.json does not list: ${unused.slice(0, 5).join(", ")}${unused.length > 5 ? ", …" : ""}`,
        remedy: "List the cases under `training`, or move the files away.",
        step: steps.leftOver,
        nnunet: assertion(
          `there are training cases in ${part} that are not listed in dataset.json: ${unused.join(", ")}`,
        ),
      });
  }
  return findings;
}

function labelGaps({ classes }: Task): readonly DatasetFinding[] {
  const gaps = classes.filter((value, i) => value !== i + 1);
  if (gaps.length === 0) return [];
  const text = `labels must be 0, 1, 2, … without a gap, but ${gaps[0]} does not follow its predecessor`;
  return [
    {
      severity: "error",
      check: "labels-consecutive",
      case: null,
      text,
      remedy: "Renumber the labels in dataset.json and in the label files.",
      step: steps.consecutive,
      nnunet: assertion(text),
    },
  ];
}

async function caseFindings(name: string, task: Task, tools: WorkTools): Promise<readonly DatasetFinding[]> {
  const found = await eachCase(task.cases, { label: `${name}: reading`, tools }, async (files, pool) => {
    const images: string[] = [];
    for (const path of files.images) if (await exists(path)) images.push(path);
    const label = (await exists(files.label)) ? files.label : null;
    const facts = await pool.run("examineCase", { reader: "SimpleITKIO", images, label });
    return checkCase(files, facts, [0, ...task.classes]);
  });
  return found.flat();
}

function checkCase(
  { id }: TaskFiles,
  { images, label }: CaseFacts,
  expected: readonly number[],
): readonly DatasetFinding[] {
  const findings: DatasetFinding[] = [];
  const add = (check: string, text: string, others: Pick<DatasetFinding, "remedy" | "step" | "nnunet">) =>
    findings.push({ severity: "error", check, case: id, text, ...others });
  for (const failed of [...images, label])
    if (typeof failed === "string")
      add("unreadable", failed, {
        remedy: "Copy the file again from its source, or remove the case.",
        step: steps.files,
        nnunet: { kind: "stops", exception: "RuntimeError", text: failed },
      });
  if (label === null || typeof label === "string") return findings;
  const unexpected = label.values.filter((value) => !expected.includes(value));
  if (unexpected.length > 0)
    add(
      "label-values",
      `${label.path} has the values ${unexpected.slice(0, 8).join(", ")}, but dataset.json declares ${expected.join(", ")}`,
      {
        remedy: "Declare the labels in dataset.json, or correct the file.",
        step: steps.labelValues,
        nnunet: {
          kind: "fails-later",
          exception: "AssertionError: Found unexpected labels in the training dataset",
          line: `Unexpected labels found in file ${label.path}: ${unexpected.join(", ")}`,
        },
      },
    );
  for (const image of images.filter((item): item is ImageFacts => typeof item !== "string")) {
    const differing = (["sizeZyx", "spacingMmZyx", "originMmXyz", "directionXyz"] as const).filter(
      (what) => !isClose(image[what], label[what]),
    );
    if (differing.length === 0) continue;
    const names = differing.map((what) => what.replace(/(?:Mm)?(?:Zyx|Xyz)$/, ""));
    add("geometry", `${image.path} and its label ${basename(label.path)} differ in ${names.join(", ")}`, {
      remedy: "Put image and label on one grid.",
      step: steps.geometry,
      nnunet: {
        kind: "fails-later",
        exception: "Warning: GEOMETRY MISMATCH FOUND! CHECK THE TEXT OUTPUT!",
        line: `The geometry of the image ${image.path} does not match the geometry of the label file`,
      },
    });
  }
  return findings;
}

/** numpy's `isclose`. */
const isClose = (a: readonly number[], b: readonly number[]): boolean =>
  a.every((value, i) => Math.abs(value - b[i]!) <= 1e-8 + 1e-5 * Math.abs(b[i]!));
