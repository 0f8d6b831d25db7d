import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { systemError } from "../../../processor/files/system-error.js";

const scratch = mkdtempSync(join(tmpdir(), "system-error-"));
const circle = join(scratch, "circle");
symlinkSync(circle, circle);
afterAll(() => rmSync(scratch, { recursive: true }));

const thrownBy = (action: Promise<unknown>): Promise<unknown> =>
  action.then(
    () => null,
    (error: unknown) => error,
  );

test("what the system refuses to read or to write has a code, and names the path", async () => {
  expect(systemError(await thrownBy(readdir(circle)))).toMatchObject({
    code: "INPUT_NOT_FOUND",
    message: `${circle} cannot be read (ELOOP): its links lead in a circle`,
  });
  expect(systemError(await thrownBy(mkdir(join(circle, "a"))))).toMatchObject({ code: "OUTPUT_UNWRITABLE" });
  expect(systemError(await thrownBy(readFile(join(scratch, "a".repeat(300)))))).toMatchObject({
    code: "INPUT_NOT_FOUND",
    message: expect.stringContaining("(ENAMETOOLONG): its name is too long"),
  });
});

test("a missing file that nothing has checked stays a bug", async () => {
  const error = await thrownBy(readFile(join(scratch, "missing")));
  expect(systemError(error)).toBe(error);
});
