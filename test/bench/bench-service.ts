import { type ChildProcess, fork } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createWriteStream, mkdtempSync, rmSync } from "node:fs";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { benchHealth } from "./bench-health.js";
import type { BenchRow } from "./bench-row.js";

const jobs = 1000;
const warmUp = 200;
const partBytes = 1 << 20;
/** Many, as in a file: one part again and again would stay in the processor's cache. */
const parts = Array.from({ length: 128 }, () => randomBytes(partBytes));
const uploadParts = 1000;

/** Measures what the service adds to a job, whether its memory grows, and how fast it takes an upload. */
export async function benchService(): Promise<readonly BenchRow[]> {
  const child = fork(join(import.meta.dirname, "kernel-service.js"), [], { execArgv: ["--expose-gc"] });
  try {
    const [{ port }] = (await once(child, "message")) as [{ readonly port: number }];
    const address = `http://127.0.0.1:${port}`;
    for (let i = 0; i < warmUp; i++) await runJob(address);
    const before = await memoryOf(child);
    const began = performance.now();
    for (let i = 0; i < jobs; i++) await runJob(address);
    const milliseconds = (performance.now() - began) / jobs;
    const after = await memoryOf(child);
    const bare = await secondsOfBareUpload();
    await memoryOf(child);
    const ours = await secondsOfUpload(address);
    const { peakBytes } = await memoryOf(child);
    return [
      {
        what: "service: overhead of a job, time",
        ours: `${milliseconds.toFixed(1)} ms`,
        goal: "≤ 20 ms",
        isReached: milliseconds <= 20,
      },
      {
        what: `service: growth of memory over ${jobs} jobs`,
        ours: `${((after.bytes - before.bytes) / 1e6).toFixed(0)} MB`,
        goal: "≤ 20 MB",
        isReached: after.bytes - before.bytes <= 20e6,
      },
      {
        what: "service: upload of 1 GB, time against a bare pipeline that hashes and writes",
        ours: `${ours.toFixed(1)} s (${(bare / ours).toFixed(2)} of its speed)`,
        goal: "≥ 0.60 of its speed",
        isReached: bare / ours >= 0.6,
      },
      {
        what: "service: upload of 1 GB, memory",
        ours: `${(peakBytes / 1e6).toFixed(0)} MB`,
        goal: "≤ 150 MB",
        isReached: peakBytes <= 150e6,
      },
      await benchHealth(),
    ];
  } finally {
    child.disconnect();
  }
}

async function memoryOf(
  child: ChildProcess,
): Promise<{ readonly bytes: number; readonly peakBytes: number }> {
  child.send("memory");
  const [memory] = (await once(child, "message")) as [{ readonly bytes: number; readonly peakBytes: number }];
  return memory;
}

async function runJob(address: string): Promise<void> {
  const form = new FormData();
  form.append("request", JSON.stringify({ model: "organ" }));
  form.append("file", new Blob(["voxels"]), "scan.nii.gz");
  const response = await fetch(`${address}/v1/jobs`, {
    method: "POST",
    body: form,
    headers: { prefer: "wait=60" },
  });
  const { state } = (await response.json()) as { readonly state: string };
  if (state !== "done") throw new Error(`the job is ${state}`);
}

function* gigabyte(): Generator<Buffer> {
  for (let i = 0; i < uploadParts; i++) yield parts[i % parts.length]!;
}

async function secondsOfBareUpload(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "bare-upload-"));
  try {
    const hash = createHash("sha256");
    const began = performance.now();
    await pipeline(
      gigabyte,
      async function* (source: AsyncIterable<Buffer>) {
        for await (const chunk of source) {
          hash.update(chunk);
          yield chunk;
        }
      },
      createWriteStream(join(folder, "file")),
    );
    return (performance.now() - began) / 1000;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function secondsOfUpload(address: string): Promise<number> {
  const bytes = uploadParts * partBytes;
  const created = await fetch(`${address}/v1/uploads`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name: "scan.nii", bytes }),
  });
  const { id } = (await created.json()) as { readonly id: string };
  const began = performance.now();
  // Takes less of the processor than fetch, which the service has to share.
  const request = httpRequest(`${address}/v1/uploads/${id}`, {
    method: "PATCH",
    headers: {
      "content-type": "application/octet-stream",
      "content-range": `bytes 0-${bytes - 1}/${bytes}`,
      "content-length": bytes,
    },
  });
  const answered = once(request, "response") as Promise<[IncomingMessage]>;
  await pipeline(gigabyte, request);
  const [answer] = await answered;
  answer.resume();
  await once(answer, "end");
  if (answer.statusCode !== 200) throw new Error(`the upload is answered ${answer.statusCode}`);
  return (performance.now() - began) / 1000;
}
