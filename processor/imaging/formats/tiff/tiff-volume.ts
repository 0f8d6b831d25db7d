import { listOf, record, wholeNumberIn } from "../../../contract/json-check.js";
import { parseChecked } from "../../../contract/parse-checked.js";
import { imageError } from "../../errors.js";
import { bytesOf, type ElementType } from "../element-type.js";
import type { FileWindow } from "../file-window.js";
import type { TiffPage } from "./tiff-pages.js";

/** The pages of a TIFF file that make up one array. */
export interface TiffVolume {
  readonly pages: readonly [TiffPage, ...TiffPage[]];
  /**
   * The shape as numpy has it: slowest axis first; the samples of a pixel are the first or the last axis, as in the
   * file.
   */
  readonly shape: readonly number[];
}

/**
 * Chooses the pages that `tifffile.imread` returns, and their shape. Both come from the description, where tifffile
 * writes `{"shape": …}` and ImageJ and OME write texts of their own. Without these, it takes every page that is like
 * the first.
 *
 * @throws IMAGE_INVALID if the description and the pages contradict each other; IMAGE_EMPTY if the first page has no
 *   pixel
 */
export function tiffVolume(file: FileWindow, pages: readonly [TiffPage, ...TiffPage[]]): TiffVolume {
  const { path } = file;
  const [first] = pages;
  if (first.width < 1 || first.height < 1)
    throw imageError("IMAGE_EMPTY", `${path}: its size is ${first.width} × ${first.height}`);
  const shape = shapeOfDescription(path, first.description);
  if (shape !== null) {
    const wanted = productOf(shape) / samplesOf(first);
    if (!Number.isSafeInteger(wanted) || wanted < 1) {
      throw imageError(
        "IMAGE_INVALID",
        `${path}: its description gives the shape ${shape.join(" × ")}, but its pages have ${pageShape(first).join(" × ")}`,
      );
    }
    return { pages: takePages(file, pages, wanted), shape };
  }
  const stack = stackOfDescription(first);
  const taken =
    stack === null
      ? ([first, ...pages.slice(1).filter(({ likeness }) => likeness === first.likeness)] as const)
      : takePages(file, pages, stack.images);
  const axes = stack?.axes ?? [taken.length];
  return { pages: taken, shape: [...axes.filter((size) => size > 1), ...pageShape(first)] };
}

const samplesOf = ({ width, height, samplesPerPixel }: TiffPage): number => width * height * samplesPerPixel;

function pageShape({ width, height, samplesPerPixel, isPlanar }: TiffPage): readonly number[] {
  if (samplesPerPixel === 1) return [height, width];
  return isPlanar ? [samplesPerPixel, height, width] : [height, width, samplesPerPixel];
}

function shapeOfDescription(path: string, description: string): readonly number[] | null {
  if (!description.startsWith('{"shape":')) return null;
  return parseChecked(description, shapedDescription, (reason, cause) =>
    imageError(
      "IMAGE_INVALID",
      `${path}: its description, which begins with ${description.slice(0, 80)}, ${reason}`,
      { cause },
    ),
  ).shape;
}

/** What Python's tifffile writes into the description of an image with more than two axes. */
const shapedDescription = record({ shape: listOf(wholeNumberIn(1, Number.MAX_SAFE_INTEGER)) });

interface PageStack {
  readonly images: number;
  /** The axes that the pages run through. */
  readonly axes: readonly number[];
}

/** Returns the number and the axes of the pages according to ImageJ or OME; null if neither describes them. */
function stackOfDescription({ description, samplesPerPixel }: TiffPage): PageStack | null {
  const numberAfter = (name: RegExp): number => Number(name.exec(description)?.[1] ?? 1);
  if (description.startsWith("ImageJ=")) {
    const images = numberAfter(/^images=(\d+)/m);
    const axes = [/^frames=(\d+)/m, /^slices=(\d+)/m, /^channels=(\d+)/m].map(numberAfter);
    return { images, axes: productOf(axes) === images ? axes : [images] };
  }
  if (!elementOf(description, "<Pixels").includes(" SizeZ=")) return null;
  const [times, channels, slices] = [/\bSizeT="(\d+)"/, /\bSizeC="(\d+)"/, /\bSizeZ="(\d+)"/].map(
    numberAfter,
  );
  // The samples of a pixel count as channels.
  const axes = [times!, channels! / samplesPerPixel, slices!];
  return { images: productOf(axes), axes };
}

/** Returns the text from an element's name to the end of its attributes; empty if there is no such element. */
function elementOf(xml: string, start: string): string {
  const at = xml.indexOf(start);
  if (at < 0) return "";
  const end = xml.indexOf(">", at);
  return end < 0 ? "" : xml.slice(at, end).replace(/\s/g, " ");
}

const productOf = (sizes: readonly number[]): number => sizes.reduce((product, size) => product * size, 1);

function takePages(file: FileWindow, pages: TiffVolume["pages"], count: number): TiffVolume["pages"] {
  const { path } = file;
  const [first] = pages;
  if (count <= 1) return [first];
  const isSingle = pages.length < count && first.compression === 1 && first.elementType !== "bit";
  if (isSingle && isContiguous(first)) return [withAllSlices(file, first, count)];
  const taken = pages.slice(1, count);
  if (taken.length < count - 1) {
    throw imageError(
      "IMAGE_TRUNCATED",
      `${path}: it has only ${pages.length} of the ${count} pages that its description announces`,
    );
  }
  if (taken.some(({ likeness }) => likeness !== first.likeness))
    throw imageError("IMAGE_INVALID", `${path}: its first ${count} pages are not alike`);
  return [first, ...taken];
}

function isContiguous({ blocks, width, blockWidth, predictor }: TiffPage): boolean {
  const follows = blocks.every(
    ({ offset }, i) => i === 0 || offset === blocks[i - 1]!.offset + blocks[i - 1]!.bytes,
  );
  return follows && width === blockWidth && predictor === 1;
}

/**
 * Returns a page with all slices as its blocks. Large stacks of ImageJ and tifffile have only one directory, and the
 * other slices follow the first slice's voxels.
 */
function withAllSlices({ path, size }: FileWindow, page: TiffPage, count: number): TiffPage {
  const planes = page.isPlanar ? page.samplesPerPixel : 1;
  const bytes = (samplesOf(page) / planes) * bytesOf(page.elementType as ElementType);
  const { offset } = page.blocks[0]!;
  if (offset + bytes * planes * count > size)
    throw imageError("IMAGE_TRUNCATED", `${path}: it cannot hold ${count} pages of ${bytes} bytes`);
  return {
    ...page,
    height: page.height * planes * count,
    samplesPerPixel: page.samplesPerPixel / planes,
    isPlanar: false,
    blockHeight: page.height,
    blocks: Array.from({ length: planes * count }, (_, i) => ({ offset: offset + i * bytes, bytes })),
  };
}
