import { spawnSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { UploadStore } from "../../../../../processor/runtime/service/uploads/upload-store.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "uploads-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const bytes = randomBytes(3_500_000);

async function* parts(from: number, to: number, failure?: Error): AsyncGenerator<Buffer> {
  for (let i = from; i < to; i += 60_000) yield bytes.subarray(i, Math.min(i + 60_000, to));
  if (failure !== undefined) throw failure;
}

async function begin(): Promise<{ readonly uploads: UploadStore; readonly id: string }> {
  const uploads = new UploadStore(folder, 1e9);
  await uploads.open();
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const { id } = await uploads.create({ name: "scan.nii", client: "a", bytes: bytes.length, sha256 });
  return { uploads, id };
}

test("what arrived of a part that broke off is kept, and the rest completes the file with its digest", async () => {
  const { uploads, id } = await begin();
  const brokenOff = parts(0, 2_600_001, new Error("the client is gone"));
  await expect(uploads.append(id, "a", 0, brokenOff)).rejects.toThrow("the client is gone");
  expect(uploads.get(id, "a").received).toBe(2_600_001);
  const whole = await uploads.append(id, "a", 2_600_001, parts(2_600_001, bytes.length));
  expect(whole.isComplete).toBe(true);
  const [file] = uploads.filesOf([id], "a");
  expect((await readFile(file!.path)).equals(bytes)).toBe(true);
});

test("a part that is longer than the file is refused, and what fits of it can be continued", async () => {
  const { uploads, id } = await begin();
  async function* tooLong(): AsyncGenerator<Buffer> {
    yield bytes.subarray(0, 2_000_000);
    yield bytes;
  }
  await expect(uploads.append(id, "a", 0, tooLong())).rejects.toThrow("more than the 3500000 bytes");
  const whole = await uploads.append(id, "a", 2_000_000, parts(2_000_000, bytes.length));
  expect(whole.isComplete).toBe(true);
});

test("an upload is forgotten a day after its last byte, and one of today is found again", async () => {
  const { id } = await begin();
  const { id: old } = await begin();
  const yesterday = new Date(Date.now() - 25 * 3_600_000);
  utimesSync(join(folder, old, "file"), yesterday, yesterday);
  const uploads = new UploadStore(folder, 1e9);
  await uploads.open();
  expect(readdirSync(folder)).toEqual([id]);
  expect(uploads.get(id, "a").received).toBe(0);
});

test("one client cannot take the uploads of all", async () => {
  const uploads = new UploadStore(folder, 1e9);
  await uploads.open();
  const create = (client: string) => uploads.create({ name: "scan.nii", client, bytes: 1, sha256: null });
  for (let i = 0; i < 500; i++) await create("greedy");
  await expect(create("greedy")).rejects.toMatchObject({
    code: "QUEUE_FULL",
    message: "500 uploads of greedy are open, which is the most of one client; finish or remove some",
  });
  expect((await create("modest")).client).toBe("modest");
});

test("a correction of the time by a year forgets no upload", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  onTestFinished(() => void vi.useRealTimers());
  const { uploads, id } = await begin();
  vi.setSystemTime(Date.now() + 365 * 24 * 3_600_000);
  await uploads.create({ name: "later.nii", client: "a", bytes: 1, sha256: null });
  expect(uploads.get(id, "a").name).toBe("scan.nii");
});

test("a series that cannot move into its job stays as it was, and moves at the next try", async () => {
  const uploads = new UploadStore(folder, 1e9);
  await uploads.open();
  const ids: string[] = [];
  for (const name of ["a/1.dcm", "a/2.dcm"]) {
    const { id } = await uploads.create({ name, client: "a", bytes: 100, sha256: null });
    await uploads.append(id, "a", 0, parts(0, 100));
    ids.push(id);
  }
  const job = mkdtempSync(join(tmpdir(), "job-"));
  onTestFinished(() => rmSync(job, { recursive: true }));
  const input = join(job, "input");
  writeFileSync(input, "in the way");
  await expect(uploads.take(ids, "a", input)).rejects.toMatchObject({ code: "OUTPUT_UNWRITABLE" });
  expect(readdirSync(job)).toEqual(["input"]);
  rmSync(input);
  await uploads.take(ids, "a", input);
  expect(readdirSync(join(input, "a"))).toEqual(["1.dcm", "2.dcm"]);
  expect(await readFile(join(input, "a", "2.dcm"))).toEqual(bytes.subarray(0, 100));
  expect(readdirSync(folder)).toEqual([]);
});

test("a server that is killed while a series moves keeps all its uploads", async () => {
  const uploads = new UploadStore(folder, 1e9);
  await uploads.open();
  const ids: string[] = [];
  for (let i = 0; i < 300; i++) {
    const { id } = await uploads.create({ name: `${i}.dcm`, client: "a", bytes: 10, sha256: null });
    await uploads.append(id, "a", 0, parts(0, 10));
    ids.push(id);
  }
  const job = mkdtempSync(join(tmpdir(), "job-"));
  onTestFinished(() => rmSync(job, { recursive: true }));
  const input = join(job, "input");
  const store = new URL("../../../../../processor/runtime/service/uploads/upload-store.js", import.meta.url);
  const program = `
    import { readdirSync } from "node:fs";
    import { UploadStore } from ${JSON.stringify(store.href)};
    const uploads = new UploadStore(${JSON.stringify(folder)}, 1e9);
    await uploads.open();
    const moved = () => { try { return readdirSync(${JSON.stringify(`${input}.arriving`)}).length; } catch { return 0; } };
    const look = () => moved() > 20 ? process.kill(process.pid, "SIGKILL") : setImmediate(look);
    look();
    await uploads.take(${JSON.stringify(ids)}, "a", ${JSON.stringify(input)});`;
  const killed = spawnSync(process.execPath, ["--input-type=module", "-e", program]);
  expect(killed.signal, killed.stderr.toString()).toBe("SIGKILL");
  expect(readdirSync(job)).toEqual(["input.arriving"]);
  const next = new UploadStore(folder, 1e9);
  await next.open();
  expect(next.namesOf(ids, "a")).toHaveLength(300);
});
