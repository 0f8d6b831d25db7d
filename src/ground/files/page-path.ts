import { existsSync } from "node:fs";
import { join } from "node:path";
import { sentencesOf } from "../../../processor/contract/help-for.js";
import { packageRoot } from "./package-root.js";

const page = /(?<![\w/])docs(?:\/[\w-]+)+\.md/;

/**
 * Replaces the names of pages, such as docs/reference/config.md, by paths that can be opened from a folder. In a clone, they
 * stay as they are. An installed program has its pages in a folder that nobody would guess; an image has none, and the
 * sentences that name one are left out.
 *
 * @param root the folder of the program
 */
export function withPagePaths(text: string, currentDirectory: string, root = packageRoot): string {
  if (currentDirectory === root) return text;
  if (existsSync(join(root, "docs")))
    return text.replaceAll(new RegExp(page, "g"), (name) => join(root, name));
  return sentencesOf(text)
    .filter((sentence) => !page.test(sentence))
    .join(" ");
}

/** Returns a line that says where the pages are that a help text names; empty if it names none, and in a clone. */
export const placeOfPages = (text: string, currentDirectory: string): string =>
  currentDirectory === packageRoot || !page.test(text)
    ? ""
    : `The folder docs is ${join(packageRoot, "docs")}\n`;
