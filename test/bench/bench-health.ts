import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { setTimeout as wait } from "node:timers/promises";
import { writeImage } from "../../processor/imaging/formats/write-image.js";
import { goldenPath, repositoryRoot } from "../support/golden.js";
import { testImage } from "../support/images/test-image.js";
import type { BenchRow } from "./bench-row.js";

const questions = 500;
const goalMs = 50;

/** Measures how soon a server says that it lives while it computes a case. */
export async function benchHealth(): Promise<BenchRow> {
  const folder = mkdtempSync(join(tmpdir(), "health-bench-"));
  writeFileSync(
    join(folder, "spec.yaml"),
    `model_folder: ${goldenPath("v2")}\nmodels:\n  - {id: blobs, rel_path: blobs_2d}\n`,
  );
  await writeImage(testImage([60, 400, 400]), join(folder, "scan.nii.gz"));
  const program = join(repositoryRoot, "dist", "build_processor.js");
  const flags = ["--spec", "spec.yaml", "--output-dir", "jobs", "--cache-dir", "cache", "--port", "0"];
  const server = spawn(
    process.execPath,
    [program, "serve", ...flags, "--data-root", folder, "--device", "cpu"],
    { cwd: folder, stdio: ["ignore", "ignore", "pipe"] },
  );
  try {
    const address = await readyAddress(server.stderr);
    const started = await fetch(`${address}/v1/jobs`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "blobs", study_path: folder, series_folders: ["scan.nii.gz"] }),
    });
    const { id } = (await started.json()) as { readonly id: string };
    const fraction = async (): Promise<number> => {
      const { progress } = (await (await fetch(`${address}/v1/jobs/${id}`)).json()) as {
        readonly progress: { readonly fraction: number } | null;
      };
      return progress?.fraction ?? 0;
    };
    while ((await fraction()) === 0) await wait(100);
    const milliseconds: number[] = [];
    for (let i = 0; i < questions; i++) {
      const began = performance.now();
      await (await fetch(`${address}/healthz`)).text();
      milliseconds.push(performance.now() - began);
    }
    const wasBusy = (await fraction()) > 0;
    const p99 = milliseconds.sort((a, b) => b - a)[questions / 100]!;
    return {
      what: `service: GET /healthz while a case runs, 99 of 100 answers${wasBusy ? "" : " (the case ended before)"}`,
      ours: `${p99.toFixed(1)} ms`,
      goal: `≤ ${goalMs} ms`,
      isReached: wasBusy && p99 <= goalMs,
    };
  } finally {
    server.kill("SIGKILL");
    await once(server, "close");
    rmSync(folder, { recursive: true });
  }
}

async function readyAddress(stream: Readable): Promise<string> {
  let written = "";
  for await (const part of stream.iterator({ destroyOnReturn: false })) {
    written += String(part);
    if (!/^ready$/m.test(written)) continue;
    const [, address] = /listening on (\S+)/.exec(written)!;
    stream.resume();
    return address!;
  }
  throw new Error(`the server ended: ${written}`);
}
