import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { epoch, ToyTraining } from "../../../support/training/toy-training.js";

let toy: ToyTraining;
beforeEach(() => {
  toy = new ToyTraining();
  toy.addDataset("Dataset008_Other");
  toy.addDataset("Dataset009_Third");
});
afterEach(() => toy.remove());

const datasetsCalled = (): readonly string[] => toy.calls().map((call) => call.slice(1).split(" ")[0]!);

test("trains the same of further data sets after the first one, also if one of them fails", async () => {
  toy.trainerThat(
    epoch(0, "0.9"),
    'if [ "$1" = Dataset008_Other ]; then echo "ValueError: no voxels"; exit 1; fi',
  );
  expect(await toy.train("-f", "0", "--also", "8", "9", "--json")).toBe(5);
  expect(datasetsCalled()).toEqual(["Dataset007_Toy", "Dataset008_Other", "Dataset009_Third"]);
  const { out, err } = toy.terminal.printed;
  expect(err).toContain("ValueError: no voxels");
  expect(out.match(/(?<="kind":"dataset","dataset":")\w+/g)).toEqual(datasetsCalled());
});

test("names every fold that failed with its data set", async () => {
  toy.trainerThat(epoch(0, "0.9"), "exit 1");
  expect(await toy.train("-f", "0", "1", "--also", "8")).not.toBe(0);
  for (const what of ["7_Toy, fold 0", "7_Toy, fold 1", "8_Other, fold 0", "8_Other, fold 1"])
    expect(toy.terminal.printed.err).toContain(`  Dataset00${what}: `);
});

test("trains a data set once that is named in several ways", async () => {
  toy.trainerThat(epoch(0, "0.9"));
  expect(await toy.train("-f", "0", "--also", "007", "8", "Dataset007_Toy", "Dataset008_Other")).toBe(0);
  expect(datasetsCalled()).toEqual(["Dataset007_Toy", "Dataset008_Other"]);
});

test("refuses all if one of them is not preprocessed, before the first is trained", async () => {
  toy.trainerThat("true");
  rmSync(join(toy.folder, "pre", "Dataset009_Third", "nnUNetPlans_2d"), { recursive: true });
  expect(await toy.train("-f", "0", "--also", "9")).toBe(4);
  expect(toy.terminal.printed.err).toContain("Dataset009_Third");
  expect(existsSync(join(toy.folder, "calls"))).toBe(false);
});

test("submits an array of Slurm for each data set", async () => {
  toy.stub("squeue", "true");
  toy.stub("sbatch", `echo "$@" >> ${toy.folder}/calls; echo 4711`);
  toy.trainerThat("true");
  expect(await toy.train("--slurm", "-f", "2", "--also", "8"), toy.terminal.printed.err).toBe(0);
  for (const [i, dataset] of ["Dataset007_Toy", "Dataset008_Other"].entries()) {
    const script = toy.calls()[i]!.split(" ")[1]!;
    expect(readFileSync(script, "utf8")).toContain(` train ${dataset} 2d `);
  }
});
