import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const program = fileURLToPath(new URL("../../support/programs/threads-that-load.js", import.meta.url));

const outputOf = async (args: readonly string[]): Promise<string> =>
  (await promisify(execFile)(process.execPath, [program, ...args])).stdout;

test("native code that loads while its thread is ended does not abort the program", async () => {
  expect(await outputOf(["threads"])).toBe("done");
});

test.each([2, 3, 4])(
  "a program that ends %i ms after its thread began to load is not aborted",
  async (afterMs) => {
    expect(await outputOf(["program", `${afterMs}`])).toBe("done");
  },
);
