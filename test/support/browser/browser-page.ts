import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { PNG } from "pngjs";
import { expect, onTestFinished } from "vitest";

/**
 * Opens an address in a context of its own, after a script if there is one. When the test ends, the page must not have asked another host, broken the
 * security policy or thrown.
 */
export async function openPage(
  browser: Browser,
  address: string,
  options: BrowserContextOptions = {},
  script: string | null = null,
): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  if (script !== null) await context.addInitScript(script);
  const page = await context.newPage();
  const faults: string[] = [];
  const { origin } = new URL(address);
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (["http:", "https:", "ws:", "wss:"].includes(url.protocol) && url.origin !== origin)
      faults.push(`asked ${url.origin}`);
  });
  page.on("pageerror", (error) => faults.push(`threw ${error.message}`));
  page.on("console", (message) => {
    if (/Content Security Policy/i.test(message.text())) faults.push(message.text());
  });
  onTestFinished(async () => {
    await context.close();
    expect(faults).toEqual([]);
  });
  await page.goto(address);
  return page;
}

/** Drops files or folders of this machine on the page, as a user does with the mouse. */
export async function dropFiles(page: Page, paths: readonly string[]): Promise<void> {
  await page.getByText("Drop scans or a DICOM folder here").waitFor();
  const session = await page.context().newCDPSession(page);
  const data = { items: [], files: [...paths], dragOperationsMask: 1 };
  for (const type of ["dragEnter", "dragOver", "drop"] as const)
    await session.send("Input.dispatchDragEvent", { type, x: 300, y: 300, data });
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

interface AxeViolation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

/** Returns what axe-core finds wrong with the page as it is now. */
export async function accessibilityFaults(page: Page): Promise<readonly string[]> {
  // The debugger's evaluation is not subject to the page's security policy.
  await page.evaluate(axeSource);
  const violations = (await page.evaluate(
    "axe.run().then(({ violations }) => violations)",
  )) as AxeViolation[];
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html}: ${failureSummary}`),
  );
}

/** Returns the pixels of an element as the user sees them. */
export async function pixelsOf(page: Page, selector: string): Promise<PNG> {
  return PNG.sync.read(await page.locator(selector).screenshot());
}
