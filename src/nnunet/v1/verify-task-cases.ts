import { basename, join } from "node:path";
import { exists } from "../../../processor/files/exists.js";
import { someOf } from "../../ground/some-of.js";
import { type CaseFacts, type GridFacts, isRead } from "../datasets/examine-case.js";
import type { DatasetFinding } from "../datasets/verify/dataset-finding.js";
import { type DatasetPool, eachCase, type WorkTools } from "../threads/each-case.js";
import { channelFiles, type Task, type TaskFiles } from "./read-task.js";
import { assertion, steps } from "./verify-task-steps.js";

/** Checks the training images and their labels. */
export async function caseFindings(
  name: string,
  task: Task,
  tools: WorkTools,
): Promise<readonly DatasetFinding[]> {
  const found = await eachCase(
    task.cases,
    { label: `${name}: reading`, tools, isReading: true },
    async (files, pool) => {
      const images = await present(files.images);
      const label = (await exists(files.label)) ? files.label : null;
      const facts = await examined(pool, images, label);
      return {
        findings: checkCase(files, facts, [0, ...task.classes]),
        orientations: facts.images.filter(isRead).map(orientationOf),
      };
    },
  );
  const orientations = new Set(found.flatMap((each) => each.orientations));
  return [
    ...found.flatMap(({ findings }) => findings),
    ...(orientations.size > 1 ? [manyOrientations(task.folder, [...orientations])] : []),
  ];
}

/** Checks that the channels of each test case are on one grid. */
export async function testFindings(
  name: string,
  { folder, tests, modalities }: Task,
  tools: WorkTools,
): Promise<readonly DatasetFinding[]> {
  if (tests === null || modalities.length === 1) return [];
  const label = `${name}: reading test images`;
  const found = await eachCase(tests, { label, tools }, async (id, pool) => {
    const images = await present(channelFiles(join(folder, "imagesTs"), id, modalities));
    const facts = await examined(pool, images, null);
    const [first, ...others] = facts.images.filter(isRead);
    const different = others.find((other) => differences(first!, other).length > 0);
    return different === undefined ? [] : [notRegistered(id, first!, different)];
  });
  return found.flat();
}

const examined = (pool: DatasetPool, images: readonly string[], label: string | null): Promise<CaseFacts> =>
  pool.run("examineCase", { reader: "SimpleITKIO", images, label, measuresIntensities: false });

async function present(paths: readonly string[]): Promise<readonly string[]> {
  const found: string[] = [];
  for (const path of paths) if (await exists(path)) found.push(path);
  return found;
}

function notRegistered(id: string, first: GridFacts, other: GridFacts): DatasetFinding {
  const text = `${other.path} and ${first.path} differ in ${differences(first, other).join(", ")}`;
  return {
    severity: "error",
    check: "test-geometry",
    case: id,
    text,
    remedy: "Put all channels of a case on one grid.",
    step: steps.tests,
    nnunet: assertion(text),
  };
}

const manyOrientations = (folder: string, orientations: readonly string[]): DatasetFinding => ({
  severity: "warning",
  check: "orientations",
  case: null,
  text: `the images in ${join(folder, "imagesTr")} have different orders of axes: ${orientations.join(", ")}`,
  remedy: "Turn all images to one orientation; networks do not know how an image is turned.",
  step: steps.orientation,
  nnunet: {
    kind: "warns",
    line: "WARNING: Not all images in the dataset have the same axis ordering.",
  },
});

/**
 * Returns the direction of each axis of the array.
 *
 * @example "LPS" for the identity
 */
function orientationOf({ directionXyz }: GridFacts): string {
  const names = ["LR", "PA", "SI"];
  return [0, 1, 2]
    .map((column) => {
      const along = [0, 1, 2].map((row) => directionXyz[3 * row + column]!);
      const largest = along.reduce(
        (best, value, i) => (Math.abs(value) > Math.abs(along[best]!) ? i : best),
        0,
      );
      return names[largest]![along[largest]! > 0 ? 0 : 1];
    })
    .join("");
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
    if (failed !== null && !isRead<GridFacts>(failed))
      add("unreadable", failed.text, {
        remedy: "Copy the file again from its source, or remove the case.",
        step: steps.files,
        nnunet: { kind: "stops", exception: "RuntimeError", text: failed.text },
      });
  if (!isRead(label)) return findings;
  const unexpected = label.values.filter((value) => !expected.includes(value));
  if (unexpected.length > 0)
    add(
      "label-values",
      `${label.path} has the values ${someOf(unexpected)}, but dataset.json declares ${expected.join(", ")}`,
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
  for (const image of images.filter(isRead)) {
    const names = differences(image, label);
    if (names.length === 0) continue;
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

function differences(a: GridFacts, b: GridFacts): readonly string[] {
  const parts = ["sizeZyx", "spacingMmZyx", "originMmXyz", "directionXyz"] as const;
  return parts
    .filter((part) => !isClose(a[part], b[part]))
    .map((part) => part.replace(/(?:Mm)?(?:Zyx|Xyz)$/, ""));
}

/** numpy's `isclose`. */
const isClose = (a: readonly number[], b: readonly number[]): boolean =>
  a.every((value, i) => Math.abs(value - b[i]!) <= 1e-8 + 1e-5 * Math.abs(b[i]!));
