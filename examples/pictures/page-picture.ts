import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type Browser, chromium } from "playwright-core";

/** Software rendering, which gives the same picture on every machine. */
const flags = [
  "--no-sandbox",
  "--use-angle=swiftshader",
  "--enable-unsafe-swiftshader",
  "--ignore-gpu-blocklist",
];

const patienceMs = 30 * 60_000;

export interface PagePicture {
  readonly program: string;
  /** The folder of the example, which has the file of models. */
  readonly example: string;
  readonly image: string;
  /** A folder for the service's jobs. */
  readonly folder: string;
}

/** Segments the example on the web page in Chromium and returns a picture of the result (PNG). */
export async function pagePicture({ program, example, image, folder }: PagePicture): Promise<Buffer> {
  const serveFlags = ["--spec", join(example, "model-serve-spec.yaml"), "--model-folder", example];
  const server = spawn(
    process.execPath,
    [program, "serve", ...serveFlags, "--port", "0", "--output-dir", folder],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  let browser: Browser | null = null;
  try {
    const address = await addressOf(server);
    browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: flags });
    const page = await browser.newPage({ viewport: { width: 1280, height: 760 }, colorScheme: "light" });
    page.setDefaultTimeout(patienceMs);
    await page.goto(address);
    await page.locator("input[type=file][multiple]").setInputFiles(image);
    await page.getByLabel(/^Faster/).check();
    await page.getByRole("button", { name: "Segment", exact: true }).click();
    await page.getByRole("group", { name: "Display" }).waitFor();
    await page.getByRole("button", { name: "csf" }).click();
    await page.mouse.move(0, 0);
    return await page.screenshot();
  } finally {
    await browser?.close();
    server.kill("SIGTERM");
    await once(server, "exit");
  }
}

/** Waits for the line in which the service names its address. */
async function addressOf(server: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: server.stderr! })) {
    const [, address] = /^listening on (\S+)$/.exec(line) ?? [];
    if (address !== undefined) {
      server.stderr!.resume();
      return address;
    }
  }
  throw new Error("the service ended before it listened");
}
