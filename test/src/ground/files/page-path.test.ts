import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { builderCatalogue, errorCatalogue } from "../../../../src/ground/errors/catalogue.js";
import { packageRoot } from "../../../../src/ground/files/package-root.js";
import { placeOfPages, withPagePaths } from "../../../../src/ground/files/page-path.js";

const pagesIn = (text: string): readonly string[] => text.match(/docs(?:\/[\w-]+)+\.md/g) ?? [];

describe("a page that a remedy names", () => {
  const pages = builderCatalogue.flatMap(([code, { help }]) =>
    pagesIn(help).map((page) => [code, page] as const),
  );

  test.each(pages)("%s: %s exists", (_, page) => {
    expect(existsSync(join(packageRoot, page))).toBe(true);
  });

  test("is found from any folder", () => {
    expect(withPagePaths("docs/reference/config.md lists every key.", "/elsewhere")).toBe(
      `${packageRoot}/docs/reference/config.md lists every key.`,
    );
    expect(withPagePaths("See docs/reference/config.md.", packageRoot)).toBe("See docs/reference/config.md.");
  });

  test("is not named where the program has no pages", () => {
    const text = "docs/reference/gpu.md says which GPU. --device cpu needs none.";
    expect(withPagePaths(text, "/elsewhere", "/nonexistent")).toBe("--device cpu needs none.");
  });

  test("is never named to the user of an image, which has no pages", () => {
    expect(Object.entries(errorCatalogue).filter(([, { help }]) => pagesIn(help).length > 0)).toEqual([]);
  });
});

test("a help text that names pages says where they are", () => {
  expect(placeOfPages("explained in docs/reference/errors.md", "/elsewhere")).toBe(
    `The folder docs is ${packageRoot}/docs\n`,
  );
  expect(placeOfPages("explained in docs/reference/errors.md", packageRoot)).toBe("");
  expect(placeOfPages("0.1.0\n", "/elsewhere")).toBe("");
});
