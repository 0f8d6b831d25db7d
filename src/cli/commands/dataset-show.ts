import { join, resolve } from "node:path";
import { nnunetError } from "../../ground/errors/nnunet-errors.js";
import { readDatasetJson } from "../../nnunet/datasets/dataset-json.js";
import { drawDataset } from "../../nnunet/datasets/draw-dataset.js";
import { chooseReader } from "../../nnunet/datasets/image-reader.js";
import { listCases } from "../../nnunet/datasets/list-cases.js";
import { type ShownCase, showDataset } from "../../nnunet/datasets/show-dataset.js";
import type { CommandSession } from "../command-session.js";
import type { DatasetCommandArguments } from "./dataset-arguments.js";
import { namedDatasetsV2 } from "./nnunet-datasets.js";

/** `build_processor dataset show DATASETS…`: lists sizes, spacings, intensities and labels of all cases, and outliers. */
export async function runShowDataset(
  args: DatasetCommandArguments,
  { terminal, progress, signal, environment, currentDirectory }: CommandSession,
): Promise<number> {
  const reports: object[] = [];
  for (const { name, rawFolder } of await namedDatasetsV2(args, terminal)) {
    const dataset = await readDatasetJson(rawFolder);
    const cases = await listCases(dataset, environment);
    if (cases.length === 0) throw nnunetError("DATASET_INVALID", `${rawFolder} has no training cases`);
    const { reader } = await chooseReader(dataset, cases[0]?.images[0] ?? null);
    const tools = { workers: args.workers ?? null, progress, signal };
    const rows = await showDataset({ name, dataset, cases, reader }, tools);
    const folder = args.pictures === undefined ? null : join(resolve(currentDirectory, args.pictures), name);
    const page =
      folder === null
        ? null
        : await drawDataset({ name, dataset, cases, reader, rows }, folder, { progress, signal });
    reports.push({ dataset: name, reader, cases: rows, ...(page === null ? {} : { page }) });
    if (!args.json) terminal.out(`${tableText(name, rows)}${page === null ? "" : `pictures: ${page}\n`}`);
  }
  if (args.json) terminal.out(`${JSON.stringify(reports, null, 2)}\n`);
  return 0;
}

/** Short, so that a row of two labels fits a terminal of 80 columns. */
const header = ["case", "size z y x", "spacing mm", "min … mean … max", "labels in ml"];

function tableText(name: string, rows: readonly ShownCase[]): string {
  const cells = rows.map((row) => [
    row.id,
    row.sizeZyx.join(" "),
    row.spacingMmZyx.map(short).join(" "),
    row.intensities
      .map(({ minimum, mean, maximum }) => `${short(minimum)} … ${short(mean)} … ${short(maximum)}`)
      .join("; "),
    Object.entries(row.labelMillilitres)
      .map(([label, volume]) => `${label}: ${short(volume)}`)
      .join(", "),
  ]);
  const widths = header.map((title, i) =>
    cells.reduce((most, row) => Math.max(most, row[i]!.length), title.length),
  );
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join("  ")
      .trimEnd();
  const outliers = rows.flatMap(({ id, outliers: found }) =>
    found.length === 0 ? [] : [`  ${id}: ${found.join("; ")}`],
  );
  const end = outliers.length === 0 ? ["no outliers"] : ["outliers:", ...outliers];
  return `${[name, line(header), ...cells.map(line), ...end].join("\n")}\n`;
}

const short = (value: number): number => Number(value.toPrecision(4));
