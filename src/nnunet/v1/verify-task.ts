import { join } from "node:path";
import { counted } from "../../../processor/contract/counted.js";
import { ProcessorError } from "../../../processor/contract/errors.js";
import { exists } from "../../../processor/files/exists.js";
import { someOf } from "../../ground/some-of.js";
import { filesOf } from "../conversion/build-folder.js";
import { closedFolder } from "../datasets/verify/check-folders.js";
import type { DatasetFinding } from "../datasets/verify/dataset-finding.js";
import { jsonFault } from "../datasets/verify/json-fault.js";
import type { VerifyReport } from "../datasets/verify/verify-dataset.js";
import { readJsonObject } from "../files/read-json.js";
import type { WorkTools } from "../threads/each-case.js";
import { channelFiles, readTaskJson, type Task } from "./read-task.js";
import { caseFindings, testFindings } from "./verify-task-cases.js";
import { assertion, steps } from "./verify-task-steps.js";

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
      ? [(await closedFolder(rawFolder)) ?? taskFault(found.message, await exceptionOf(rawFolder))]
      : await taskFindings(name, withLabelsByName(found), tools);
  return {
    dataset: name,
    rawFolder,
    cases: found instanceof ProcessorError ? 0 : found.cases.length,
    isFine: findings.every(({ severity }) => severity !== "error"),
    reader: "SimpleITKIO",
    findings: findings.toSorted((a, b) => a.step - b.step),
  };
}

/** v1's check wants each label to have the name of its case, whatever dataset.json says. */
const withLabelsByName = (task: Task): Task => ({
  ...task,
  cases: task.cases.map((files) => ({
    ...files,
    label: join(task.folder, "labelsTr", `${files.id}.nii.gz`),
  })),
});

const taskFindings = async (name: string, task: Task, tools: WorkTools): Promise<DatasetFinding[]> => [
  ...(await listFindings(task)),
  ...(await fileFindings(task)),
  ...labelGaps(task),
  ...(await caseFindings(name, task, tools)),
  ...(await testFindings(name, task, tools)),
];

/** Returns the exception with which v1 stops at a dataset.json that cannot be used: it looks up keys without a check. */
async function exceptionOf(rawFolder: string): Promise<string> {
  const path = join(rawFolder, "dataset.json");
  const fault = await jsonFault(path);
  // v1 looks for a key in a list.
  if (fault !== null) return fault.exception === "AttributeError" ? "TypeError" : fault.exception;
  const raw = await readJsonObject(path).catch(() => null);
  const isMissing = raw !== null && ["training", "modality", "labels"].some((key) => !raw.has(key));
  return isMissing ? "KeyError" : "AssertionError";
}

const taskFault = (text: string, exception: string): DatasetFinding => ({
  severity: "error",
  check: "dataset-json",
  case: null,
  text,
  remedy: "Write dataset.json as nnU-Net v1 needs it: modality, labels, training, test.",
  step: steps.task,
  nnunet: { kind: "stops", exception, text },
});

const fault = (
  check: string,
  text: string,
  others: Pick<DatasetFinding, "remedy" | "step"> & Partial<Pick<DatasetFinding, "nnunet">>,
): DatasetFinding => ({ severity: "error", check, case: null, text, nnunet: assertion(text), ...others });

/** Checks the lists of dataset.json: `training` has each case once, and the files of `test` are there. */
async function listFindings({ folder, cases, tests, modalities }: Task): Promise<readonly DatasetFinding[]> {
  const findings: DatasetFinding[] = [];
  if (tests === null)
    findings.push(
      fault("dataset-json", `${join(folder, "dataset.json")}: the list \`test\` is missing`, {
        remedy: 'Add `"test": []`, or list the test images.',
        step: steps.task,
        nnunet: { kind: "stops", exception: "KeyError", text: "'test'" },
      }),
    );
  const twice = cases.find(({ id }, i) => cases.findIndex((other) => other.id === id) < i);
  if (twice !== undefined)
    findings.push(
      fault("case-twice", `dataset.json lists the case ${twice.id} more than once`, {
        remedy: "Remove the second entry of `training`.",
        step: steps.task,
        nnunet: { kind: "stops", exception: "RuntimeError", text: "found duplicate training cases" },
      }),
    );
  const files = (tests ?? []).flatMap((id) => channelFiles(join(folder, "imagesTs"), id, modalities));
  const missing: string[] = [];
  for (const path of files) if (!(await exists(path))) missing.push(path);
  if (missing.length > 0)
    findings.push(
      fault("missing-test-files", `${missing.join(", ")} ${missing.length === 1 ? "is" : "are"} missing`, {
        remedy: "Add the images, or remove the cases from `test` in dataset.json.",
        step: steps.tests,
        ...((await exists(join(folder, "imagesTs")))
          ? {}
          : { nnunet: { kind: "stops", exception: "FileNotFoundError", text: "imagesTs" } }),
      }),
    );
  if (files.length > 0)
    findings.push(...(await leftOver(join(folder, "imagesTs"), { used: new Set(files), step: steps.tests })));
  return findings;
}

async function leftOver(
  folder: string,
  { used, step }: { readonly used: ReadonlySet<string>; readonly step: number },
): Promise<readonly DatasetFinding[]> {
  const names = (await filesOf(folder)) ?? [];
  const unused = names.filter((file) => file.endsWith(".nii.gz") && !used.has(join(folder, file)));
  if (unused.length === 0) return [];
  return [
    fault(
      "left-over-files",
      `${folder} has ${counted(unused.length, "file")} that dataset.json does not list: ${someOf(unused)}`,
      { remedy: "List the cases in dataset.json, or move the files away.", step },
    ),
  ];
}

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
  for (const part of ["imagesTr", "labelsTr"])
    findings.push(...(await leftOver(join(folder, part), { used, step: steps.leftOver })));
  return findings;
}

function labelGaps({ classes, hasBackground }: Task): readonly DatasetFinding[] {
  const remedy = "Renumber the labels in dataset.json and in the label files.";
  const step = steps.consecutive;
  if (!hasBackground)
    return [fault("labels-background", "the first label must be 0, the background", { remedy, step })];
  const gap = classes.toSorted((a, b) => a - b).find((value, i) => value !== i + 1);
  if (gap === undefined) return [];
  const text = `labels must be 0, 1, 2, … without a gap, but ${gap} does not follow its predecessor`;
  return [fault("labels-consecutive", text, { remedy, step })];
}
