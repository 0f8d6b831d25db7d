import { basename } from "node:path";
import type { Browser, Page } from "playwright-core";
import type { Rgb } from "../../../../processor/dicom-objects/segment-metadata.js";
import { serveCornerstone } from "./cornerstone-page.js";

/** A place in the order of the slices, or a plane through the middle of the volume. */
export type View = number | "axial" | "coronal" | "sagittal";

export interface Shown {
  readonly views: readonly View[];
  readonly opacity: number;
  /** By the numbers of the segments. */
  readonly colours: Readonly<Record<number, Rgb>>;
  /** The values that are black and white; null for the ones that the images name. */
  readonly window: readonly [number, number] | null;
}

export interface CornerstoneViewer {
  readonly page: Page;
  /** What the viewer says about the segments. */
  readonly segments: readonly { readonly number: number; readonly label: string }[];
  /** Shows the views side by side, in squares of `viewPixels`, and returns when they are drawn. */
  show(shown: Shown): Promise<void>;
  close(): Promise<void>;
}

export const viewPixels = 400;

/**
 * Opens images and a segmentation in Cornerstone3D.
 *
 * @param images the files of the images in the order of their slices
 */
export async function openInCornerstone(
  openPage: (address: string) => Promise<Page>,
  images: readonly string[],
  segmentation: string,
): Promise<CornerstoneViewer> {
  const served = await serveCornerstone([...images, segmentation]);
  const page = await openPage(served.address);
  const address = (path: string): string => `${served.address}${basename(path)}`;
  await page.waitForFunction("globalThis.viewer !== undefined");
  const given = [images.map(address), address(segmentation)].map((value) => JSON.stringify(value));
  const segments = (await page.evaluate(`viewer.load(${given})`)) as CornerstoneViewer["segments"];
  return {
    page,
    segments,
    async show({ views, ...options }) {
      await page.evaluate(`viewer.show(${JSON.stringify(views)}, ${JSON.stringify(options)})`);
    },
    close: () => served.close(),
  };
}

/** Opens pages of a browser without watching them. */
export const pagesOf =
  (browser: Browser) =>
  async (address: string): Promise<Page> => {
    const page = await browser.newPage({ viewport: { width: 3 * viewPixels, height: viewPixels } });
    await page.goto(address);
    return page;
  };
