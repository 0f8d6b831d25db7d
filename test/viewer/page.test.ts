import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeImage } from "../../processor/imaging/formats/write-image.js";
import { Sessions } from "../../processor/runtime/service/access/sessions.js";
import { readTokenFile } from "../../processor/runtime/service/access/tokens.js";
import { ServedModels } from "../../processor/runtime/service/models/served-model.js";
import { accessibilityFaults, dropFiles, openPage, pixelsOf } from "../support/browser/browser-page.js";
import { openBrowser } from "../support/browser/open-browser.js";
import { type PageService, pageService } from "../support/browser/page-service.js";
import { phantomImage, phantomLabels, phantomMl } from "../support/browser/phantom.js";
import { pixelsOfLabels, shareOfRightPixels } from "../support/browser/slice-picture.js";
import { describeWith, needs } from "../support/needs.js";
import { temporaryFolder, testModel } from "../support/service/test-service.js";

describeWith([needs.chromium], "the web page", () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser.close());

  /** Drops the phantom on the page, starts the job, and waits until the engine has it. */
  async function startPhantom(page: Page, service: PageService): Promise<string> {
    const path = join(temporaryFolder(), "phantom_0000.nii.gz");
    await writeImage(phantomImage(), path);
    await dropFiles(page, [path]);
    await page.getByRole("button", { name: "Segment", exact: true }).click();
    await expect.poll(() => service.engine.jobs.length, { timeout: 60_000 }).toBe(1);
    return service.engine.jobs[0]!.id;
  }

  /** Starts a second job with the same scan, and ends it. */
  async function startAgain(page: Page, service: PageService, name = "again"): Promise<void> {
    const path = join(temporaryFolder(), `${name}_0000.nii.gz`);
    await writeImage(phantomImage(), path);
    await dropFiles(page, [path]);
    await page.getByRole("button", { name: "Segment", exact: true }).click();
    await expect.poll(() => service.engine.jobs.length, { timeout: 60_000 }).toBe(2);
    await service.finishWithPhantom(service.engine.jobs[1]!.id);
    await page.getByText("Done").nth(1).waitFor();
  }

  /** Starts a further job with the same scan, and waits until the engine has it. */
  async function startWaiting(page: Page, service: PageService, count: number): Promise<void> {
    const path = join(temporaryFolder(), `scan${count}_0000.nii.gz`);
    await writeImage(phantomImage(), path);
    await dropFiles(page, [path]);
    await page.getByRole("button", { name: "Segment", exact: true }).click();
    await expect.poll(() => service.engine.jobs.length, { timeout: 60_000 }).toBe(count);
  }

  async function showPhantom(page: Page, service: PageService): Promise<void> {
    await service.finishWithPhantom(await startPhantom(page, service));
    await page.getByRole("group", { name: "Display" }).waitFor();
  }

  test("shows a dropped scan with the label map where its voxels are", async () => {
    const service = await pageService();
    const page = await openPage(browser, service.address);
    await showPhantom(page, service);
    await page.getByRole("combobox", { name: "View" }).selectOption("Axial");
    await page.getByLabel("Label opacity").fill("100");
    for (const label of [1, 2, 3]) {
      await page.getByRole("button", { name: label === 1 ? "organ" : `Label ${label}`, exact: true }).click();
      const picture = await pixelsOf(page, "canvas");
      const share = shareOfRightPixels(picture, phantomLabels(), { label, places: [1, 2, 3] });
      expect(share).toBeGreaterThan(0.95);
    }
    await page.getByLabel("Label opacity").fill("0");
    expect(pixelsOfLabels(await pixelsOf(page, "canvas"), 3)).toBe(0);
  });

  test("says that a model is loading, and takes scans for it when it is ready", async () => {
    const models = new ServedModels([testModel("organ"), testModel("lesion")]);
    for (const { id } of models.all) models.markLoading(id, true);
    const service = await pageService({ models });
    const page = await openPage(browser, service.address);
    await page.getByText("The service is loading its models.").waitFor();
    const choice = page.getByRole("combobox", { name: "Model" });
    expect(await choice.locator("option").allTextContents()).toEqual(["organ (loading)", "lesion (loading)"]);
    models.markLoading("organ", false);
    await expect.poll(() => choice.inputValue(), { timeout: 30_000 }).toBe("organ");
    models.markLoading("lesion", false);
    await choice.selectOption("lesion");
  });

  test("lists the volume of each label in ml, and jumps to its centre", async () => {
    const service = await pageService();
    const page = await openPage(browser, service.address);
    await showPhantom(page, service);
    const rows = await page
      .getByRole("table", { name: "Labels and their volumes" })
      .getByRole("row")
      .allInnerTexts();
    expect(rows.slice(1).map((row) => row.split(/\s*\t\s*/))).toEqual(
      ["organ", "Label 2", "Label 3"].map((name, i) => [
        name,
        String(Number(phantomMl(i + 1).toPrecision(3))),
      ]),
    );
    await page.getByRole("button", { name: "Label 3" }).click();
    await expect.poll(() => page.locator(".place").textContent()).toMatch(/ · Label 3$/);
  });

  test("follows a job from the queue to its end", async () => {
    const service = await pageService();
    const page = await openPage(browser, service.address);
    const id = await startPhantom(page, service);
    const card = page.getByRole("region", { name: "Job", exact: true });
    await card.getByText("Waiting in the queue").waitFor();
    service.engine.report({ kind: "started", id });
    service.engine.report({
      kind: "progress",
      id,
      progress: { stage: "organ", done: 3, total: 12, fraction: 0.25, eta_s: 42 },
    });
    await card.getByText("25 %, about 42 seconds left").waitFor();
    expect(await card.getByRole("progressbar").getAttribute("value")).toBe("0.25");
  });

  test("says which place in the queue a job has, and when it starts", async () => {
    const service = await pageService();
    const page = await openPage(browser, service.address);
    await showPhantom(page, service);
    await startWaiting(page, service, 2);
    await startWaiting(page, service, 3);
    await page.getByText("Next, starts in less than a second").first().waitFor();
    await page.getByText("1 before this one, starts in less than a second").first().waitFor();
  });

  test("cancels a job, and says so when it has really stopped", async () => {
    const service = await pageService();
    const page = await openPage(browser, service.address);
    const id = await startPhantom(page, service);
    service.engine.report({ kind: "started", id });
    await page.getByRole("button", { name: "Cancel phantom, organ" }).click();
    await page.getByRole("heading", { name: "Stopping" }).waitFor();
    await expect.poll(() => service.engine.canceled).toEqual([id]);
    service.engine.report({ kind: "canceled", id });
    await page.getByRole("heading", { name: "Canceled" }).waitFor();
  });

  test("shows an error with what to do about it", async () => {
    const service = await pageService();
    const page = await openPage(browser, service.address);
    const id = await startPhantom(page, service);
    const error = {
      code: "IMAGE_TRUNCATED",
      message: "the file ends early <b>",
      help: "Copy the file again.",
    };
    service.engine.report({ kind: "failed", id, error });
    await page.getByText("the file ends early <b>").last().waitFor();
    await page.getByText("Copy the file again.").waitFor();
    expect(await accessibilityFaults(page)).toEqual([]);
  });

  test("names files that are not images, and starts no job for them", async () => {
    const service = await pageService();
    const page = await openPage(browser, service.address);
    const path = join(temporaryFolder(), "notes.pdf");
    writeFileSync(path, "notes");
    await dropFiles(page, [path]);
    await page.getByText("notes.pdf: not an image. Use NIfTI").waitFor();
    expect(await page.getByRole("button", { name: "Segment", exact: true }).isDisabled()).toBe(true);
  });

  test("sends a DICOM folder as one archive without its names", async () => {
    const service = await pageService();
    const page = await openPage(browser, service.address);
    const folder = join(temporaryFolder(), "DOE^JANE");
    mkdirSync(folder);
    for (const name of ["a.dcm", "b.dcm"]) writeFileSync(join(folder, name), name);
    await dropFiles(page, [folder]);
    await page.getByText("DOE^JANE 2 files").waitFor();
    await page.getByRole("button", { name: "Segment", exact: true }).click();
    await expect.poll(() => service.engine.jobs.length, { timeout: 60_000 }).toBe(1);
    const [archive] = service.engine.jobs[0]!.work.archives;
    expect(archive).toMatch(/scan_0000\.tar$/);
    expect(readFileSync(archive!).includes("DOE")).toBe(false);
  });

  test("sends a DICOM folder for each channel, and says which is which", async () => {
    const models = new ServedModels([testModel("organ", { channels: ["T1", "FLAIR"] })]);
    const service = await pageService({ models });
    const page = await openPage(browser, service.address);
    const study = join(temporaryFolder(), "study");
    for (const series of ["a", "b"]) {
      mkdirSync(join(study, series), { recursive: true });
      for (const name of ["1.dcm", "2.dcm"]) writeFileSync(join(study, series, name), `${series}${name}`);
    }
    await dropFiles(page, [study]);
    await page.getByRole("combobox", { name: "T1" }).selectOption("b");
    await page.getByRole("button", { name: "Segment", exact: true }).click();
    await expect.poll(() => service.engine.jobs.length, { timeout: 60_000 }).toBe(1);
    const { stages, archives } = service.engine.jobs[0]!.work;
    expect(stages[0].inputs).toEqual(
      ["scan_0000", "scan_0001"].map((name) =>
        expect.objectContaining({ kind: "path", path: expect.stringMatching(new RegExp(`/${name}$`)) }),
      ),
    );
    expect(readFileSync(archives[0]!).includes("b1.dcm")).toBe(true);
    expect(readFileSync(archives[1]!).includes("a1.dcm")).toBe(true);
  });

  test("goes on with an upload where the connection broke", async () => {
    const service = await pageService();
    const page = await openPage(browser, service.address);
    let broken = 0;
    await page.route("**/v1/uploads/*", (route) =>
      route.request().method() === "PATCH" && broken++ === 0
        ? route.abort("connectionreset")
        : route.continue(),
    );
    await startPhantom(page, service);
    expect(broken).toBe(2);
  });

  test("downloads the label map as the service has it", async () => {
    const service = await pageService();
    const page = await openPage(browser, service.address);
    await showPhantom(page, service);
    await page.getByText("Download", { exact: true }).click();
    const downloading = page.waitForEvent("download");
    await page.getByRole("link", { name: /^Label map/ }).click();
    const path = await (await downloading).path();
    const [job] = service.engine.jobs;
    expect(readFileSync(path)).toEqual(
      readFileSync(join(job!.work.outputDir, "stage_0", "prediction.nii.gz")),
    );
  });

  test("shows two results side by side", async () => {
    const service = await pageService();
    const page = await openPage(browser, service.address);
    await showPhantom(page, service);
    await startAgain(page, service);
    await page.getByLabel("Compare with").selectOption({ index: 1 });
    await expect.poll(() => page.locator("canvas").count(), { timeout: 60_000 }).toBe(2);
    await page.getByRole("columnheader", { name: "B, ml" }).waitFor();
  });

  test("opens an image and a label map of this computer without a model", async () => {
    const service = await pageService();
    const page = await openPage(browser, service.address);
    const folder = temporaryFolder();
    await writeImage(phantomImage(), join(folder, "image.nii.gz"));
    await writeImage(phantomLabels(), join(folder, "labels.nii.gz"));
    writeFileSync(
      join(folder, "dataset.json"),
      JSON.stringify({ labels: { background: 0, liver: 1, spleen: 2 } }),
    );
    await page.getByRole("button", { name: "Open files" }).click();
    expect(await accessibilityFaults(page)).toEqual([]);
    await page.getByLabel("Image", { exact: true }).setInputFiles(join(folder, "image.nii.gz"));
    await page.getByLabel("Label map", { exact: true }).setInputFiles(join(folder, "labels.nii.gz"));
    await page.getByLabel(/^Names of labels/).setInputFiles(join(folder, "dataset.json"));
    await page.getByRole("button", { name: "Open", exact: true }).click();
    for (const name of ["liver", "spleen", "Label 3"]) await page.getByRole("button", { name }).waitFor();
    expect(service.engine.jobs).toEqual([]);
  });

  test("says that WebGL 2 is missing, and still lists volumes and downloads", async () => {
    const service = await pageService();
    const page = await openPage(browser, service.address, {}, withoutWebGl2);
    await service.finishWithPhantom(await startPhantom(page, service));
    await page.getByText("This browser cannot draw volumes, because WebGL 2 is missing").waitFor();
    await page.getByRole("row", { name: /^organ/ }).waitFor();
    await page.getByText("Download", { exact: true }).click();
    expect(await page.getByRole("link", { name: /^Label map/ }).isVisible()).toBe(true);
  });

  test("says that the service does not answer, and goes on when it does", async () => {
    const service = await pageService();
    const page = await openPage(browser, service.address);
    await page.getByText("No jobs yet.").waitFor();
    await page.route("**/v1/jobs?*", (route) => route.abort());
    await startPhantom(page, service);
    const banner = page.getByRole("alert").filter({ hasText: "The service does not answer." });
    await banner.waitFor();
    await page.unroute("**/v1/jobs?*");
    await banner.waitFor({ state: "hidden", timeout: 60_000 });
  });

  test("works with the keyboard alone", async () => {
    const service = await pageService();
    const page = await openPage(browser, service.address);
    const path = join(temporaryFolder(), "phantom_0000.nii.gz");
    await writeImage(phantomImage(), path);
    await page.getByText("No jobs yet.").waitFor();
    const choosing = page.waitForEvent("filechooser");
    await tabTo(page, "Choose files");
    await page.keyboard.press("Enter");
    await (await choosing).setFiles(path);
    // The focus moves to the next step by itself.
    await expect.poll(() => focusedText(page)).toBe("Segment");
    await page.keyboard.press("Enter");
    await expect.poll(() => service.engine.jobs.length, { timeout: 60_000 }).toBe(1);
    await service.finishWithPhantom(service.engine.jobs[0]!.id);
    await page.getByRole("group", { name: "Display" }).waitFor();
    await tabTo(page, "Label 2");
    await page.keyboard.press("Enter");
    const place = page.locator(".place");
    await expect.poll(() => place.textContent()).toMatch(/ · Label 2$/);
    const before = await place.textContent();
    await page.locator("canvas").focus();
    await page.keyboard.press("PageUp");
    await expect.poll(() => place.textContent()).not.toBe(before);
  });

  test.each(["light", "dark"] as const)(
    "has no accessibility faults in its %s colours",
    async (colorScheme) => {
      const service = await pageService();
      const page = await openPage(browser, service.address, { colorScheme });
      await page.getByText("No jobs yet.").waitFor();
      expect(await accessibilityFaults(page)).toEqual([]);
      const id = await startPhantom(page, service);
      service.engine.report({ kind: "started", id });
      await page.getByRole("progressbar").last().waitFor();
      expect(await accessibilityFaults(page)).toEqual([]);
      await service.finishWithPhantom(id);
      await page.getByRole("group", { name: "Display" }).waitFor();
      expect(await accessibilityFaults(page)).toEqual([]);
    },
  );

  test("fits a laptop's screen enlarged to 200 %, without scrolling to the side", async () => {
    const service = await pageService();
    const page = await openPage(browser, service.address, { viewport: { width: 640, height: 400 } });
    await showPhantom(page, service);
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(640);
  });

  test.each([1280, 640, 390])("keeps long names in their places in a window of %i pixels", async (width) => {
    const long = "Sarcoma_of_the_left_retroperitoneum_in_the_second_follow_up_of_the_year";
    const model = testModel("organ", { name: long, labels: [{ name: long, value: 1 }] });
    const service = await pageService({ models: new ServedModels([model]) });
    const page = await openPage(browser, service.address, { viewport: { width, height: 800 } });
    await showPhantom(page, service);
    await startAgain(page, service, long);
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(width);
    const select = (await page.getByRole("combobox", { name: "Model" }).boundingBox())!;
    const side = (await page.locator(".side").boundingBox())!;
    expect(select.x + select.width).toBeLessThanOrEqual(side.x + side.width);
    expect(side.width).toBeLessThanOrEqual(width > 900 ? 23 * 16 : width);
  });

  test("does not move anything for users who want less motion", async () => {
    const service = await pageService();
    const page = await openPage(browser, service.address, { reducedMotion: "reduce" });
    await page.getByText("No jobs yet.").waitFor();
    const moving =
      "[...document.styleSheets].flatMap((sheet) => [...sheet.cssRules]).filter((rule) => /transition|animation/.test(rule.cssText) && (rule.media === undefined || matchMedia(rule.media.mediaText).matches)).length";
    expect(await page.evaluate(moving)).toBe(0);
  });

  test("reads progress to users of a screen reader at most every five seconds", {
    timeout: 60_000,
  }, async () => {
    const service = await pageService();
    const page = await openPage(browser, service.address);
    await page.clock.install();
    await page.reload();
    const id = await startPhantom(page, service);
    await page.evaluate(
      "window.said = []; new MutationObserver(() => said.push(performance.now())).observe(document.querySelector('[aria-live=polite]'), { childList: true, characterData: true, subtree: true })",
    );
    service.engine.report({ kind: "started", id });
    for (let done = 1; done <= 20; done++) {
      const progress = { stage: "organ", done, total: 100, fraction: done / 100, eta_s: null };
      service.engine.report({ kind: "progress", id, progress });
      await page.locator(".status-card .detail", { hasText: `${done} %` }).waitFor();
      await page.clock.runFor(1000);
    }
    const times = (await page.evaluate("said")) as readonly number[];
    expect(times.length).toBeGreaterThan(2);
    // The clock goes on by a second at once, so that a message may be seen this much late.
    const lateMs = 1001;
    expect(times.at(-1)! - times[0]!).toBeGreaterThanOrEqual(5000 * (times.length - 1) - lateMs);
  });

  test("asks for a token, and keeps it from scripts and other sites", async () => {
    const folder = temporaryFolder();
    const file = join(folder, "tokens");
    writeFileSync(file, "anna:infer:correct-horse-battery\n");
    const access = {
      tokens: await readTokenFile(file),
      sessions: new Sessions(),
      corsOrigins: [],
      isLoopback: true,
    };
    const service = await pageService({ access });
    const page = await openPage(browser, service.address);
    const token = page.getByLabel("Token");
    await token.fill("a-wrong-token-of-someone");
    await page.keyboard.press("Enter");
    await page.getByText("The service does not know this token.").waitFor();
    expect(await accessibilityFaults(page)).toEqual([]);
    await token.fill("correct-horse-battery");
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Log out anna" }).waitFor();
    expect(await page.context().cookies()).toEqual([
      expect.objectContaining({ httpOnly: true, sameSite: "Strict" }),
    ]);
    expect(
      await page.evaluate("document.cookie + JSON.stringify({ ...localStorage, ...sessionStorage })"),
    ).toBe("{}");
    await showPhantom(page, service);
    await page.getByRole("button", { name: "Log out anna" }).click();
    await token.waitFor();
    await page.reload();
    await token.waitFor();
  });
});

const withoutWebGl2 =
  "{ const get = HTMLCanvasElement.prototype.getContext; HTMLCanvasElement.prototype.getContext = function (kind, ...rest) { return kind === 'webgl2' ? null : get.call(this, kind, ...rest); }; }";

const focusedText = (page: Page): Promise<string> => page.evaluate("document.activeElement.textContent");

/** Presses Tab until a control has the focus. */
async function tabTo(page: Page, text: string): Promise<void> {
  for (let presses = 0; presses < 60; presses++) {
    if ((await focusedText(page)) === text) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`the keyboard does not reach ${text}`);
}
