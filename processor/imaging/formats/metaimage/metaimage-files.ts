import { counted } from "../../../contract/counted.js";
import { imageError } from "../../errors.js";
import { decimalOf, shown, wordsOf } from "../header-values.js";
import { hasFileNumber, numberedFiles } from "../numbered-files.js";

export interface MetaimageFilesOptions {
  /** Sizes of the image, x first. */
  readonly sizes: readonly number[];
  /** Returns the lines after the header, which hold the names of a `LIST`. */
  readonly linesAfter: () => string;
}

/**
 * Returns the files that a value of `ElementDataFile` names: one file, a `LIST` with one name per line, or numbered
 * files (`slice%03d.raw 1 20 1`).
 *
 * @throws IMAGE_INVALID if there are fewer files than slices
 */
export function metaimageFiles(
  path: string,
  value: string,
  { sizes, linesAfter }: MetaimageFilesOptions,
): readonly string[] {
  const words = wordsOf(value);
  if (value.startsWith("LIST")) {
    const axes = words[1] === undefined ? 0 : Math.trunc(decimalOf(words[1]) ?? 0);
    const heldAxes = axes >= 1 && axes <= sizes.length ? axes : sizes.length - 1;
    const wanted = sizes.slice(heldAxes).reduce((product, size) => product * size, 1);
    const names: string[] = [];
    for (const line of linesOf(linesAfter())) {
      if (names.length === wanted || line === "") break;
      names.push(line);
    }
    if (names.length !== wanted)
      throw imageError(
        "IMAGE_INVALID",
        `${path}: ElementDataFile is a LIST of ${counted(names.length, "name")}, but ${wanted} ${wanted === 1 ? "is" : "are"} needed`,
      );
    return names;
  }
  if (!value.includes("%")) return [value];
  const [template, first = "1", last, step] = words;
  const slices = sizes.at(-1)!;
  const start = Number(first);
  const files = hasFileNumber(template!)
    ? numberedFiles(path, template!, {
        first: start,
        last: last === undefined ? start + slices - 1 : Number(last),
        step: step === undefined ? 1 : Number(step),
      })
    : [];
  // ITK ignores surplus files. If there were too few, ITK would leave slices unread.
  if (words.length > 4 || files.length < slices)
    throw imageError(
      "IMAGE_INVALID",
      `${path}: ElementDataFile is ${shown(value)}, which does not name a file for each of the ${slices} slices`,
    );
  return files.slice(0, slices);
}

function* linesOf(text: string): Generator<string> {
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf("\n", at);
    yield text.slice(at, end < 0 ? text.length : end).trim();
    at = end < 0 ? text.length : end + 1;
  }
}
