import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { unpackArchives } from "../../../../processor/runtime/service/engine/unpack-archives.js";
import { tarHeader } from "../../../../src/oci/tar-header.js";
import { neverStopped } from "../../../support/never-stopped.js";
import { temporaryFolder } from "../../../support/service/test-service.js";

describe("an archive", () => {
  const tarOf = (header: Partial<Parameters<typeof tarHeader>[0]>) =>
    Buffer.concat([
      tarHeader({ path: "a", kind: "file", mode: 0o644, sizeBytes: 0, time: new Date(0), ...header }),
      Buffer.alloc(1024),
    ]);

  test.each([
    ["that leaves its folder", tarOf({ path: "../../evil" }), "ARCHIVE_UNSAFE"],
    ["with an absolute name", tarOf({ path: "/tmp/evil-of-service" }), "ARCHIVE_UNSAFE"],
    ["with a link", tarOf({ path: "link", kind: "symlink", linkTarget: "/etc" }), "ARCHIVE_UNSAFE"],
    ["that is not one", Buffer.from("these are not blocks of a tar file".repeat(40)), "ARCHIVE_INVALID"],
    ["that is empty", Buffer.alloc(1024), "ARCHIVE_INVALID"],
  ])("%s is refused", async (_, bytes, code) => {
    const folder = join(temporaryFolder(), "input");
    mkdirSync(folder);
    for (const [name, content] of [
      ["a.tar", bytes],
      ["a.tar.gz", gzipSync(bytes)],
    ] as const) {
      writeFileSync(join(folder, name), content);
      await expect(unpackArchives([join(folder, name)], neverStopped())).rejects.toMatchObject({ code });
    }
    expect([existsSync(join(folder, "../../evil")), existsSync("/tmp/evil-of-service")]).toEqual([
      false,
      false,
    ]);
  });

  test("that would unpack to more than 200 times its size is refused before it fills the disk", async () => {
    const folder = temporaryFolder();
    const size = 80 << 20;
    const header = tarHeader({ path: "a", kind: "file", mode: 0o644, sizeBytes: size, time: new Date(0) });
    writeFileSync(
      join(folder, "a.tar.gz"),
      gzipSync(Buffer.concat([header, Buffer.alloc(size + 1024)]), { level: 9 }),
    );
    await expect(unpackArchives([join(folder, "a.tar.gz")], neverStopped())).rejects.toMatchObject({
      code: "ARCHIVE_UNSAFE",
      message: expect.stringContaining("at most 200 times"),
    });
    expect(readdirSync(folder)).toEqual(["a.tar.gz"]);
  });

  test.each(["a.tar", "b.zip"])(
    "with an entry that would replace the archive %s is refused",
    async (name) => {
      const folder = temporaryFolder();
      writeFileSync(join(folder, "a.tar"), tarOf({ path: name }));
      writeFileSync(join(folder, "b.zip"), "not read");
      await expect(
        unpackArchives([join(folder, "a.tar"), join(folder, "b.zip")], neverStopped()),
      ).rejects.toMatchObject({ code: "ARCHIVE_UNSAFE" });
      expect(readFileSync(join(folder, "b.zip"), "utf8")).toBe("not read");
    },
  );

  test("that is not a zip file is refused without the server's folder in the message", async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "a.zip"), "no zip");
    const error = await unpackArchives([join(folder, "a.zip")], neverStopped()).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ code: "ARCHIVE_INVALID" });
    expect((error as Error).message).not.toContain(folder);
  });
});
