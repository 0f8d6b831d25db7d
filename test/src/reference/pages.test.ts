import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { referencePages } from "../../../src/reference/pages.js";
import { repositoryRoot } from "../../support/golden.js";

test("docs/reference matches the program (npm run docs writes it)", async () => {
  for (const [name, text] of await referencePages()) {
    expect(readFileSync(join(repositoryRoot, "docs", "reference", name), "utf8")).toBe(text);
  }
});
