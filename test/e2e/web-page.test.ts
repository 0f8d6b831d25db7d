import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readImage } from "../../processor/imaging/formats/read-image.js";
import { dropFiles, openPage, pixelsOf } from "../support/browser/browser-page.js";
import { openBrowser } from "../support/browser/open-browser.js";
import { shareOfRightPixels } from "../support/browser/slice-picture.js";
import { goldenPath, repositoryRoot } from "../support/golden.js";
import { describeWith, needs } from "../support/needs.js";

describeWith([needs.chromium], "`build_processor serve` with its web page", () => {
  let folder: string;
  let server: ChildProcess;
  let browser: Browser;
  let address: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "web-page-"));
    writeFileSync(join(folder, "spec.yaml"), specOf(["blobs_3d_fullres", "sagittal_transposed"]));
    const program = join(repositoryRoot, "dist", "build_processor.js");
    const flags = ["--spec", "spec.yaml", "--output-dir", "jobs", "--cache-dir", "cache", "--port", "0"];
    server = spawn(process.execPath, [program, "serve", ...flags], {
      cwd: folder,
      stdio: ["ignore", "ignore", "pipe"],
    });
    address = await addressOf(server);
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    server.kill("SIGTERM");
    await once(server, "exit");
    rmSync(folder, { recursive: true });
  });

  test.each(["blobs_3d_fullres", "sagittal_transposed"])(
    "segments a scan of %s and draws the label map where it is",
    {
      timeout: 600_000,
    },
    async (model) => {
      const page = await openPage(browser, address);
      page.setDefaultTimeout(300_000);
      await page.getByRole("combobox", { name: "Model" }).selectOption(model);
      const input = goldenPath("v2", model, "input");
      await dropFiles(
        page,
        readdirSync(input).map((name) => join(input, name)),
      );
      await page.getByLabel(/^Faster/).check();
      const creating = page.waitForResponse(
        (response) => response.request().method() === "POST" && /\/v1\/jobs$/.test(response.url()),
      );
      await page.getByRole("button", { name: "Segment", exact: true }).click();
      const { id } = (await (await creating).json()) as { readonly id: string };
      await page.getByRole("group", { name: "Display" }).waitFor();
      await page.getByRole("combobox", { name: "View" }).selectOption("Axial");
      await page.getByLabel("Label opacity").fill("100");
      const labelMap = await readImage(
        join(folder, "jobs", "jobs", id, "output", "stage_0", "prediction.nii.gz"),
      );
      const [first] = await page.locator(".labels tbody button").allTextContents();
      await page.locator(".labels tbody button").first().click();
      await expect.poll(() => page.locator(".place").textContent()).toMatch(new RegExp(` · ${first}$`));
      const label = Math.min(...new Set(Array.from(labelMap.voxels, Number).filter((value) => value > 0)));
      const share = shareOfRightPixels(await pixelsOf(page, "canvas"), labelMap, {
        label,
        places: [1, 2, 3, 4, 5],
      });
      expect(share).toBeGreaterThan(0.95);
    },
  );
});

const specOf = (models: readonly string[]): string =>
  [
    `model_folder: ${goldenPath("v2")}`,
    "models:",
    ...models.map((name) => `  - { id: ${name}, rel_path: ${name}/model }`),
  ].join("\n");

/** Waits for the line in which the service names its address. */
async function addressOf(program: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: program.stderr! })) {
    const [, found] = /^listening on (\S+)$/.exec(line) ?? [];
    if (found === undefined) continue;
    program.stderr!.resume();
    return `${found}/`;
  }
  throw new Error("the service ended before it listened");
}
