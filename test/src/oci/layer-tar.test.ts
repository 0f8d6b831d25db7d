import { execFile } from "node:child_process";
import { mkdtemp, readFile, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { layerFile } from "../../../src/image/image-plan.js";
import { layerTar } from "../../../src/oci/layer-tar.js";
import { storedGzip } from "../../../src/oci/stored-gzip.js";
import { tarHeader } from "../../../src/oci/tar-header.js";
import { needs, testWith } from "../../support/needs.js";

const run = promisify(execFile);
const day = new Date("2024-05-06T07:08:09Z");

async function bytesOf(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function* inPieces(bytes: Buffer, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

describe("a layer's tar", () => {
  testWith([needs.tar], "is unpacked by GNU tar with every name, mode, time and byte", async () => {
    const folder = await mkdtemp(join(tmpdir(), "layer-"));
    const deep = `${"d".repeat(90)}/${"e".repeat(90)}/${"f".repeat(90)}.bin`;
    const entries = [
      layerFile("opt/model/weights.bin", { text: "w".repeat(1000) }),
      layerFile("opt/model/größe.txt", { text: "é" }, 0o600),
      layerFile(deep, { text: "deep" }, 0o755),
      { kind: "directory", path: "output", mode: 0o777 } as const,
    ];
    const tar = await bytesOf(layerTar(entries, day));
    await writeFile(join(folder, "layer.tar"), tar);
    await run("tar", ["-xpf", "layer.tar"], { cwd: folder });
    expect(await readFile(join(folder, deep), "utf8")).toBe("deep");
    expect(await readFile(join(folder, "opt/model/größe.txt"), "utf8")).toBe("é");
    expect((await stat(join(folder, "opt/model/größe.txt"))).mode & 0o777).toBe(0o600);
    expect((await stat(join(folder, deep))).mtime).toEqual(day);
    expect((await stat(join(folder, "output"))).mode & 0o777).toBe(0o777);
    const { stdout } = await run("tar", ["-tvf", "layer.tar", "--numeric-owner"], { cwd: folder });
    expect(
      stdout
        .trim()
        .split("\n")
        .every((line) => line.includes(" 0/0 ")),
    ).toBe(true);
  });

  it("has the same bytes for any order of the entries", async () => {
    const entries = ["b/2", "a/1", "b/1", "b-x/1"].map((path) => layerFile(path, { text: path }));
    const forward = await bytesOf(layerTar(entries, day));
    expect(await bytesOf(layerTar(entries.toReversed(), day))).toEqual(forward);
  });

  it("reports a file that is longer than its header states", async () => {
    const gone = layerTar([layerFile("gone", { file: "/proc/self/status" })], day);
    await expect(bytesOf(gone)).rejects.toMatchObject({ code: "IMAGE_BUILD_FAILED" });
  });

  testWith([needs.python], "writes a size of 8 GiB and more that Python's tarfile reads", async () => {
    const header = tarHeader({ path: "w", kind: "file", mode: 0o644, sizeBytes: 2 ** 33 + 5, time: day });
    const folder = await mkdtemp(join(tmpdir(), "layer-"));
    await writeFile(join(folder, "h"), header);
    const script = "import tarfile,sys;print(tarfile.open(sys.argv[1]).firstmember.size)";
    const { stdout } = await run("python3", ["-c", script, join(folder, "h")]);
    expect(Number(stdout)).toBe(2 ** 33 + 5);
  });
});

describe("stored gzip", () => {
  it.each([0, 1, 65534, 65535, 65536, 200_000])("gives %i bytes back to zlib", async (length) => {
    const bytes = Buffer.from(Array.from({ length }, (_, i) => (i * 7919) & 255));
    expect(gunzipSync(await bytesOf(storedGzip(inPieces(bytes, 1000)))).equals(bytes)).toBe(true);
  });

  it("does not depend on how the bytes arrive", async () => {
    const bytes = Buffer.alloc(150_000, 7);
    const whole = await bytesOf(storedGzip(inPieces(bytes, bytes.length)));
    expect((await bytesOf(storedGzip(inPieces(bytes, 333)))).equals(whole)).toBe(true);
  });
});
