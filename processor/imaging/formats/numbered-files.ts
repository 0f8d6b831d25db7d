import { imageError } from "../errors.js";
import { shown } from "./header-values.js";

/** The most files that a template may name; no volume has more slices. */
const mostFiles = 1 << 16;

export interface FileNumbers {
  readonly first: number;
  readonly last: number;
  readonly step: number;
}

/** Returns whether a name has a number field of C's `printf`, as `slice%03d.raw` has. */
export const hasFileNumber = (template: string): boolean => numberField.test(template);

const numberField = /%(0?)(\d{0,2})[diu]/;

/**
 * Returns the names that a template stands for.
 *
 * @example numberedFiles("a.mhd", "slice%03d.raw", { first: 1, last: 3, step: 1 }) // slice001.raw, …
 * @throws IMAGE_INVALID if the step does not lead from the first number to the last, or makes too many files
 */
export function numberedFiles(path: string, template: string, numbers: FileNumbers): readonly string[] {
  const { first, last, step } = numbers;
  const count = Math.floor((last - first) / step) + 1;
  if (!Number.isSafeInteger(count) || count < 1 || count > mostFiles)
    throw imageError(
      "IMAGE_INVALID",
      `${path}: it names files ${shown(template)} from ${first} to ${last} in steps of ${step}, which must be 1 to ${mostFiles} files`,
    );
  const [field, zero, width] = numberField.exec(template)!;
  return Array.from({ length: count }, (_, i) => {
    const value = first + i * step;
    const digits = `${Math.abs(value)}`;
    const sign = value < 0 ? "-" : "";
    const padded =
      zero === "0"
        ? sign + digits.padStart(Number(width) - sign.length, "0")
        : (sign + digits).padStart(Number(width), " ");
    return template.replace(field!, () => padded).replaceAll("%%", "%");
  });
}
