import { readFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "./golden.js";

/** The size of a part of an image, in MB. */
export interface PartSize {
  readonly compressed: number;
  readonly unpacked: number;
}

/** Reads the table of the CPU image's parts in docs/reference/performance.md, in its order. */
export function readPartsTable(): Map<string, PartSize> {
  const page = readFileSync(join(repositoryRoot, "docs", "reference", "performance.md"), "utf8");
  const rows = page.matchAll(/^\| (\w+) \| [^|]+ \| ([\d.]+) MB \| ([\d.]+) MB \| [^|]*\|$/gm);
  return new Map(
    [...rows].map(([, part, compressed, unpacked]) => [
      part!,
      { compressed: Number(compressed), unpacked: Number(unpacked) },
    ]),
  );
}
