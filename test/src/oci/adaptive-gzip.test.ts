import { createCipheriv, createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { packageRoot } from "../../../src/ground/files/package-root.js";
import { adaptiveGzip } from "../../../src/oci/adaptive-gzip.js";
import { compressor } from "../../../src/oci/deflate-piece.js";
import { storedGzip } from "../../../src/oci/stored-gzip.js";

async function framed(
  frame: (bytes: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>,
  bytes: Uint8Array,
  pieceBytes = 1 << 20,
): Promise<Buffer> {
  async function* inPieces() {
    for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of frame(inPieces())) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Returns bytes that look random and are the same in every run. */
const noise = (length: number): Buffer =>
  createCipheriv("aes-128-ctr", Buffer.alloc(16), Buffer.alloc(16)).update(Buffer.alloc(length));

const program = readFileSync(process.execPath).subarray(0, 8 << 20);
const doublyRare = Uint8Array.from(
  { length: 1 << 18 },
  (_, i) => 17 - Math.min(17, Math.floor(Math.log2(i + 1))),
);

describe("adaptive gzip", () => {
  it.each([
    ["nothing", new Uint8Array()],
    ["one byte", new Uint8Array([7])],
    ["one byte over and over", new Uint8Array(700_000)],
    ["three bytes", new Uint8Array([1, 2, 3])],
    ["noise", noise(1_000_000)],
    ["noise of few values", noise(600_000).map((byte) => byte % 5)],
    ["counts whose codes would have more than 15 bits", doublyRare],
    ["a program", program],
    [
      "noise between texts",
      Buffer.concat([program.subarray(0, 300_000), noise(3_000_000), program.subarray(0, 300_000)]),
    ],
  ])("leaves %s to zlib", async (_, bytes) => {
    expect(gunzipSync(await framed(adaptiveGzip, bytes)).equals(bytes)).toBe(true);
  });

  it("does not depend on how the bytes arrive", async () => {
    const bytes = program.subarray(0, 1_000_000);
    expect((await framed(adaptiveGzip, bytes, 77_777)).equals(await framed(adaptiveGzip, bytes))).toBe(true);
  });

  /*
   * Any original zlib gives these bytes. In Python, for each 256 KiB: `c = zlib.compressobj(5, zlib.DEFLATED,
   * -15, 8); c.compress(piece) + c.flush(zlib.Z_SYNC_FLUSH)`. If they change, `compressor` must change as
   * well, because caches contain layers with the old bytes.
   */
  it("has the same bytes on every Node", async () => {
    const text = Array.from({ length: 90_000 }, (_, i) => `${i} ${Math.imul(i, 2654435761) >>> 20}\n`).join(
      "",
    );
    const digest = createHash("sha256").update(await framed(adaptiveGzip, Buffer.from(text)));
    expect(digest.digest("hex")).toBe("dbf53e9675ccdecbdd743df923c2cddbc46019d1fe95b9a59136ca658106c946");
  });

  it("names the version of the compressor that is installed", () => {
    const { dependencies } = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8"));
    expect(compressor).toBe(`pako ${dependencies.pako} level 5`);
  });

  it("makes a program no more than a tenth larger than zlib at its default does", async () => {
    const { length } = await framed(adaptiveGzip, program);
    expect(length / gzipSync(program).length).toBeLessThan(1.1);
  });

  it("finds more that shrinks among bytes that do not if it tries often", async () => {
    const mixed = Buffer.concat([noise(20 << 20), program]);
    const seldom = await framed(adaptiveGzip, mixed);
    const often = await framed((bytes) => adaptiveGzip(bytes, "often"), mixed);
    expect(gunzipSync(often).equals(mixed)).toBe(true);
    expect(seldom.length - often.length).toBeGreaterThan(2 << 20);
  });

  it("stores incompressible bytes with little more work than storing alone", async () => {
    const weights = noise(64 << 20);
    const workOf = async (frame: typeof storedGzip) => {
      const before = process.cpuUsage();
      const { length } = await framed(frame, weights);
      expect(length / weights.length).toBeLessThan(1.001);
      const { user, system } = process.cpuUsage(before);
      return user + system;
    };
    await workOf(storedGzip);
    const [stored, adaptive] = [await workOf(storedGzip), await workOf(adaptiveGzip)];
    // 8 of 256 pieces are tried, each at about a hundredth of the speed. A busy machine needs more time, but
    // not more work.
    expect(adaptive / stored).toBeLessThan(30);
  });
});
