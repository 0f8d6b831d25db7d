import { type Browser, chromium } from "playwright-core";
import { programPath } from "../program-on-path.js";

/** Software rendering: a test machine has no GPU. */
const flags = [
  "--no-sandbox",
  "--use-angle=swiftshader",
  "--enable-unsafe-swiftshader",
  "--ignore-gpu-blocklist",
];

export const openBrowser = (): Promise<Browser> =>
  chromium.launch({ executablePath: programPath("chromium")!, args: flags });
