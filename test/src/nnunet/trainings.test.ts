import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { PNG } from "pngjs";
import { afterAll, afterEach, beforeAll, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { main } from "../../../src/cli/main.js";
import { accessibilityFaults, openPage } from "../../support/browser/browser-page.js";
import { openBrowser } from "../../support/browser/open-browser.js";
import { describeWith, needs } from "../../support/needs.js";
import { type TestTerminal, testTerminal } from "../../support/programs/test-terminal.js";

const at = "2026-11-28 01:02:54.561371: ";
const model = join("Dataset007_Toy", "nnUNetTrainer__nnUNetPlans__2d");

let folder: string;
let terminal: TestTerminal;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "trainings-"));
  const environment = { PATH: process.env["PATH"], nnUNet_results: folder, RESULTS_FOLDER: folder };
  terminal = { ...testTerminal(folder), environment };
});
afterEach(() => rmSync(folder, { recursive: true }));

const epoch = (number: number): string =>
  [
    `${at} `,
    `${at}Epoch ${number} `,
    `${at}Current learning rate: 0.01 `,
    `${at}train_loss 0.25 `,
    `${at}val_loss -0.125 `,
    `${at}Pseudo dice [np.float32(0.5), nan] `,
    `${at}Epoch time: 30.0 s `,
    "",
  ].join("\n");

interface TestFold {
  readonly path: string;
  readonly log?: string;
  readonly minutesAgo?: number;
  readonly files?: Readonly<Record<string, string | Buffer>>;
}

/** Writes the files that nnU-Net leaves in the folder of a fold. */
function writeFold({ path, log, minutesAgo = 0, files = {} }: TestFold): void {
  const fold = join(folder, path);
  mkdirSync(join(fold, "validation"), { recursive: true });
  mkdirSync(join(fold, "validation_raw"));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(fold, name), content);
  if (log === undefined) return;
  const file = join(fold, "training_log_2026_11_28_01_02_54.txt");
  writeFileSync(file, log);
  const changed = new Date(Date.now() - 60_000 * minutesAgo);
  utimesSync(file, changed, changed);
}

const planned = { "debug.json": '{"num_epochs": "1000"}' };

function writeTrainings(): void {
  writeFold({
    path: join(model, "fold_0"),
    log: epoch(9),
    files: {
      ...planned,
      "checkpoint_best.pth": "",
      "progress.png": PNG.sync.write(new PNG({ width: 4, height: 4 })),
    },
  });
  writeFold({ path: join(model, "fold_1"), log: epoch(3), minutesAgo: 180, files: planned });
  writeFold({
    path: join(model, "fold_2"),
    log: epoch(999),
    files: { ...planned, "checkpoint_final.pth": "" },
  });
  writeFold({
    path: join(model, "fold_10"),
    log: epoch(999),
    files: {
      ...planned,
      "checkpoint_final.pth": "",
      [join("validation", "summary.json")]: '{"foreground_mean": {"Dice": 0.75}}',
    },
  });
  writeFold({ path: join(model, "fold_11") });
}

test("trainings says of each fold whether it trains, validates, has ended or gives no news, from nnU-Net's files", async () => {
  writeTrainings();
  expect(await main(["trainings"], terminal), terminal.printed.err).toBe(0);
  expect(terminal.printed.out).toBe(`Dataset007_Toy 2d nnUNetTrainer nnUNetPlans
  fold  state              epoch        train loss  validation loss  Dice                      time left
  0     training           9 of 1000    0.25        -0.125           0.500 –                   8.3 h
  1     no news for 3.0 h  3 of 1000    0.25        -0.125           0.500 –                   –
  2     validating         999 of 1000  0.25        -0.125           0.500 –                   –
  10    finished           999 of 1000  0.25        -0.125           0.7500 in the validation  –
`);
});

test("a fold whose last loss is NaN has diverged, and has no time left", async () => {
  writeFold({
    path: join(model, "fold_0"),
    log: epoch(9).replace("train_loss 0.25", "train_loss nan"),
    files: planned,
  });
  expect(await main(["trainings"], terminal), terminal.printed.err).toBe(0);
  expect(terminal.printed.out).toMatch(/ 0 +diverged +9 of 1000 +NaN +-0\.125 +0\.500 – +–\n/);
});

test("a damaged summary of one fold hides its Dice only, not the other folds", async () => {
  writeTrainings();
  writeFileSync(join(folder, model, "fold_10", "validation", "summary.json"), '{"foreground_mean": 5}');
  expect(await main(["trainings"], terminal), terminal.printed.err).toBe(0);
  expect(terminal.printed.out).toContain("9 of 1000");
  expect(terminal.printed.out).not.toContain("in the validation");
});

test("the newest log is that of the last start, also after the folder was copied", async () => {
  writeFold({ path: join(model, "fold_0"), log: epoch(9), files: planned });
  const earlier = join(folder, model, "fold_0", "training_log_2026_11_8_23_02_54.txt");
  writeFileSync(earlier, epoch(2));
  expect(await main(["trainings"], terminal), terminal.printed.err).toBe(0);
  expect(terminal.printed.out).toContain("9 of 1000");
});

test("a training that was just continued keeps the numbers of the log before", async () => {
  writeFold({ path: join(model, "fold_0"), log: epoch(9), minutesAgo: 60, files: planned });
  writeFileSync(join(folder, model, "fold_0", "training_log_2026_11_28_02_02_54.txt"), `${at}Epoch 10 \n`);
  expect(await main(["trainings", "7", "--json"], terminal), terminal.printed.err).toBe(0);
  expect(JSON.parse(terminal.printed.out)).toMatchObject([
    {
      dataset: "Dataset007_Toy",
      fold: 0,
      state: "training",
      epochs: 1000,
      last: { epoch: 9 },
      secondsLeft: 29_700,
    },
  ]);
});

test("trainings of v1 are read from v1's folders and log", async () => {
  const fold = join("nnUNet", "3d_fullres", "Task007_Toy", "nnUNetTrainerV2__nnUNetPlansv2.1", "all");
  const log = [
    `${at}\nepoch:  4 `,
    `${at}train loss : -0.5 `,
    `${at}validation loss: -0.25 `,
    `${at}Average global foreground Dice: [0.5] `,
    `${at}lr: 0.009 `,
    `${at}This epoch took 60.0 s`,
    "",
  ].join("\n");
  writeFold({ path: fold, log, files: { "debug.json": '{"max_num_epochs": "1000"}' } });
  expect(await main(["trainings", "--nnunet", "v1"], terminal), terminal.printed.err).toBe(0);
  expect(terminal.printed.out).toMatch(
    /^Task007_Toy 3d_fullres nnUNetTrainerV2 nnUNetPlansv2\.1\n.*\n {2}all +training +4 of 1000 +-0\.5 +-0\.25 +0\.500 +16\.6 h\n$/,
  );
});

test("trainings says so if nothing was trained, and refuses a data set that does not exist", async () => {
  expect(await main(["trainings"], terminal)).toBe(0);
  expect(terminal.printed.out).toBe(`nothing was trained in ${folder} yet\n`);
  expect(await main(["trainings", "8"], terminal)).toBe(4);
  expect(terminal.printed.err).toContain("DATASET_NOT_FOUND");
});

/** Runs the page until the test ends, and returns its address. */
async function servedPage(): Promise<string> {
  const ended = main(["trainings", "--serve", "--port", "0"], terminal);
  onTestFinished(async () => {
    terminal.interrupt();
    await ended;
  });
  await vi.waitFor(() => expect(terminal.printed.out, terminal.printed.err).toMatch(/^http/), {
    timeout: 60_000,
  });
  return terminal.printed.out.trim();
}

const statusFor = (address: string, host: string): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    request(address, { headers: { host } }, (response) => resolve(response.resume().statusCode))
      .on("error", reject)
      .end();
  });

test("the page answers only requests for this machine, and sends no file but the curves", async () => {
  writeTrainings();
  const address = await servedPage();
  expect(await statusFor(address, "127.0.0.1:80")).toBe(200);
  expect(await statusFor(address, "rebound.example")).toBe(400);
  const [picture] = /\/picture\?[^"]+/.exec(await (await fetch(address)).text()) ?? [];
  const answer = await fetch(new URL(picture!.replaceAll("&#38;", "&"), address));
  expect(answer.headers.get("content-type")).toBe("image/png");
  for (const path of ["picture?of=../../etc/passwd", "picture?of=", "picture", "debug.json"])
    expect((await fetch(new URL(path, address))).status).toBe(404);
});

describeWith([needs.chromium], "the page of trainings", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser.close());

  test("shows folds and curves, follows them, and has no fault of accessibility", async () => {
    writeTrainings();
    const page = await openPage(browser, await servedPage());
    await page.getByRole("row", { name: "0 training 9 of 1000" }).waitFor();
    await page.getByRole("img", { name: /as curves$/ }).waitFor();
    const widthOfCurves = "document.images[0].decode().then(() => document.images[0].naturalWidth)";
    expect(await page.evaluate(widthOfCurves)).toBe(4);
    expect(await accessibilityFaults(page)).toEqual([]);
    writeFold({ path: join(model, "fold_3"), log: epoch(5), files: planned });
    await page.getByRole("link").focus();
    await page.getByRole("row", { name: "3 training 5 of 1000" }).waitFor();
    expect(await page.evaluate("document.activeElement.tagName")).toBe("A");
  });
});
