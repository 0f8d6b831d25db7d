import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { supportedEndings } from "../../../../processor/imaging/formats/image-ending.js";
import { readImage } from "../../../../processor/imaging/formats/read-image.js";

const scratch = mkdtempSync(join(tmpdir(), "special-files-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const kinds = [
  { kind: "a folder", make: async (path: string) => void mkdirSync(path) },
  { kind: "a FIFO", make: async (path: string) => void execFileSync("mkfifo", [path]) },
  { kind: "a device", make: async (path: string) => symlinkSync("/dev/zero", path) },
  {
    kind: "a socket",
    make: async (path: string) => {
      const server = createServer().listen(path);
      await once(server, "listening");
      server.unref();
    },
  },
] as const;

describe.each(kinds)("an image's path that is $kind", ({ kind, make }) => {
  test.each(supportedEndings)("is refused as an input before it is opened: %s", async (ending) => {
    const path = join(scratch, `${kind.replaceAll(" ", "-")}${ending}`);
    await make(path);
    await expect(readImage(path)).rejects.toMatchObject({
      code: "INPUT_NOT_FOUND",
      message: `${path} is ${kind}, not a file`,
    });
  });
});
