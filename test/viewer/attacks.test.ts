import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { Sessions } from "../../processor/runtime/service/access/sessions.js";
import { readTokenFile } from "../../processor/runtime/service/access/tokens.js";
import { ServedModels } from "../../processor/runtime/service/models/served-model.js";
import { dropFiles, openPage } from "../support/browser/browser-page.js";
import { openBrowser } from "../support/browser/open-browser.js";
import { pageService } from "../support/browser/page-service.js";
import { describeWith, needs } from "../support/needs.js";
import { temporaryFolder, testModel } from "../support/service/test-service.js";

const hostile = '<img src=x onerror="globalThis.isHacked = true">';

describeWith([needs.chromium], "an attack on the web page", () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser.close());

  const isHacked = (page: Page): Promise<boolean> => page.evaluate("globalThis.isHacked === true");

  test("by names of models, labels and files with HTML shows the HTML as text", async () => {
    const model = testModel("organ", {
      name: hostile,
      channels: [hostile],
      labels: [{ name: hostile, value: 1 }],
    });
    const service = await pageService({ models: new ServedModels([model]) });
    const page = await openPage(browser, service.address);
    const path = join(temporaryFolder(), `${hostile}.nii`);
    writeFileSync(path, "no image");
    await dropFiles(page, [path]);
    await page.getByText(`Finds ${hostile}`).waitFor();
    await page.getByRole("listitem").filter({ hasText: hostile }).first().waitFor();
    await page.getByRole("button", { name: "Segment", exact: true }).click();
    await expect.poll(() => service.engine.jobs.length, { timeout: 60_000 }).toBe(1);
    const error = { code: "IMAGE_INVALID", message: hostile, help: hostile };
    service.engine.report({ kind: "failed", id: service.engine.jobs[0]!.id, error });
    await page.getByRole("heading", { name: "This scan could not be segmented" }).waitFor();
    expect(await page.locator("img").count()).toBe(0);
    expect(await isHacked(page)).toBe(false);
  });

  test("by a file that is not the image that its name says is reported, and the page goes on", async () => {
    const service = await pageService();
    const page = await openPage(browser, service.address);
    const path = join(temporaryFolder(), "labels.nii.gz");
    writeFileSync(path, "no image at all");
    await page.getByRole("button", { name: "Open files" }).click();
    await page.getByLabel("Label map", { exact: true }).setInputFiles(path);
    await page.getByRole("button", { name: "Open", exact: true }).click();
    await page.getByText("labels.nii.gz cannot be read").waitFor();
    await page.getByText("No jobs yet.").waitFor();
  });

  test("by inline scripts, handlers and evaluation is stopped by the security policy", async () => {
    const service = await pageService();
    const context = await browser.newContext();
    onTestFinished(() => context.close());
    const page = await context.newPage();
    await page.goto(service.address);
    await page.getByText("No jobs yet.").waitFor();
    await page.evaluate(`{
      const script = document.createElement("script");
      script.textContent = "globalThis.isHacked = true";
      document.body.append(script);
      const frame = document.createElement("div");
      frame.innerHTML = ${JSON.stringify(hostile)};
      document.body.append(frame);
      const late = document.createElement("script");
      late.src = "data:text/javascript,globalThis.isHacked=true";
      document.body.append(late);
    }`);
    const evaluation =
      "setTimeout('globalThis.isHacked = true'), new Promise((done) => setTimeout(done, 200))";
    await page.evaluate(evaluation);
    expect(await isHacked(page)).toBe(false);
  });

  test("by a page of another site with the user's cookie starts, cancels and removes nothing", async () => {
    const file = join(temporaryFolder(), "tokens");
    writeFileSync(file, "anna:admin:correct-horse-battery\n");
    const access = {
      tokens: await readTokenFile(file),
      sessions: new Sessions(),
      corsOrigins: [],
      isLoopback: true,
    };
    const service = await pageService({ access });
    const page = await openPage(browser, service.address);
    await page.getByLabel("Token").fill("correct-horse-battery");
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Log out anna" }).waitFor();

    const other = await otherSite();
    const attacker = await page.context().newPage();
    await attacker.goto(other);
    const answers = (await attacker.evaluate(`Promise.all([
      ["POST", "v1/jobs", "text/plain", '{"model":"organ","uploads":["x"]}'],
      ["POST", "v1/jobs", "application/x-www-form-urlencoded", "model=organ"],
      ["POST", "v1/jobs", "application/json", '{"model":"organ","uploads":["x"]}'],
      ["DELETE", "v1/session", "text/plain", null],
      ["GET", "v1/jobs", null, null],
    ].map(async ([method, path, type, body]) => {
      const headers = type === null ? {} : { "content-type": type };
      try {
        const answer = await fetch(${JSON.stringify(service.address)} + path, { method, body, headers, credentials: "include" });
        return answer.status;
      } catch {
        return "stopped by the browser";
      }
    }))`)) as readonly unknown[];
    expect(answers).toEqual(new Array(5).fill("stopped by the browser"));
    await attacker.setContent(
      `<form method="post" enctype="text/plain" action="${service.address}v1/jobs"><input name='{"model":"organ"}' value=""></form>`,
    );
    const [answer] = await Promise.all([
      attacker.waitForResponse(/\/v1\/jobs$/),
      attacker.evaluate("document.forms[0].submit()"),
    ]);
    expect(answer.status()).toBe(403);
    expect(service.engine.jobs).toEqual([]);
    await page.reload();
    await page.getByRole("button", { name: "Log out anna" }).waitFor();
  });

  test("by showing the page in a frame of another site shows nothing", async () => {
    const service = await pageService();
    const context = await browser.newContext();
    onTestFinished(() => context.close());
    const page = await context.newPage();
    await page.goto(await otherSite());
    await page.setContent(`<iframe src="${service.address}"></iframe>`);
    await expect.poll(() => page.frames().length).toBe(2);
    const frame = page.frames()[1]!;
    await frame.waitForLoadState();
    expect(await frame.locator("#app").count()).toBe(0);
  });
});

/** Starts a web server under another name of this machine, which browsers take for another site. */
async function otherSite(): Promise<string> {
  const server = createServer((_, response) => {
    response.setHeader("content-type", "text/html");
    response.end("<title>another site</title>");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return `http://localhost:${(server.address() as AddressInfo).port}/`;
}
