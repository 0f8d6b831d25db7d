/**
 * `npm run test:kill [NAME …]`: stops export, push, Docker build, predict, download and the tools around training at 25
 * random moments each, and checks that the same command then succeeds with the same result. Needs Docker and Debian's docker-registry; takes
 * about half an hour.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { repositoryRoot } from "../support/golden.js";
import { type KillSeries, runKillSeries } from "./kill-series.js";
import { toolSeries } from "./tool-series.js";

const rounds = 25;
const scratch = mkdtempSync(join(tmpdir(), "kills-"));
const golden = join(repositoryRoot, "test", "golden", "v2", "blobs_2d");
const model = ["--model-dir", join(golden, "model")];
const cacheFolder = join(scratch, "cache");
const registry = await startRegistry(join(scratch, "registry"));
const archiveAddress = await serveSlowly(modelArchive());

const allSeries: readonly KillSeries[] = [
  {
    name: "export",
    args: () => [...model, "--tag", "kill:1", "--builder", "embedded", "--export"],
    ...{ sameFiles: /^kill-1\.(tar\.gz|spdx\.json|provenance\.json)$/, cacheFolder },
  },
  {
    name: "push",
    args: (round) => [
      ...model,
      "--tag",
      `${registry.host}/kill/round:${round + 1}`,
      "--builder",
      "embedded",
      "--push",
    ],
    ...{ sameFiles: /^never$/, cacheFolder },
  },
  {
    name: "docker",
    args: () => [...model, "--tag", "kill:docker", "--builder", "docker", "--export"],
    ...{ sameFiles: /^never$/, cacheFolder },
  },
  {
    name: "predict",
    args: () => ["predict", ...model, "-i", join(golden, "input"), "-o", "segmentations", "--overwrite"],
    ...{ sameFiles: /^segmentations\/[^.].*$/, cacheFolder },
  },
  {
    name: "download",
    args: () => ["convert", "--model-dir", archiveAddress, "-o", "converted", "--overwrite"],
    ...{ sameFiles: /^converted\/(?!manifest)[^.].*$/, cacheFolder: null },
  },
  ...toolSeries(cacheFolder),
];

const wanted = process.argv.slice(2);
let hasFaults = false;
try {
  for (const series of allSeries.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
    const counts = await runKillSeries(series, rounds);
    const { name, secondsUndisturbed, killed, rerunsThatSucceeded, faults } = counts;
    process.stdout.write(
      `${name.padEnd(9)} ${secondsUndisturbed.toFixed(1)} s undisturbed, ${killed} of ${rounds} killed, ${rerunsThatSucceeded} of ${rounds} second runs succeeded, ${faults.length} faults\n`,
    );
    for (const fault of faults) process.stdout.write(`  ${fault}\n`);
    hasFaults ||= faults.length > 0;
  }
} finally {
  registry.stop();
  rmSync(scratch, { recursive: true, force: true });
}
process.exit(hasFaults ? 1 : 0);

/** Starts Debian's registry on a free port. */
async function startRegistry(folder: string): Promise<{ readonly host: string; stop(): void }> {
  mkdirSync(folder, { recursive: true });
  const config = {
    version: "0.1",
    log: { level: "info" },
    storage: { filesystem: { rootdirectory: join(folder, "data") } },
    http: { addr: "127.0.0.1:0" },
  };
  writeFileSync(join(folder, "config.yml"), JSON.stringify(config));
  const child = spawn("docker-registry", ["serve", join(folder, "config.yml")], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let log = "";
  const host = await new Promise<string>((resolve, reject) => {
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      log = (log + text).slice(-10_000);
      const address = /listening on (127\.0\.0\.1:\d+)/.exec(log)?.[1];
      if (address !== undefined) resolve(address);
    });
    child.once("exit", () => reject(new Error(`docker-registry ended: ${log}`)));
  });
  return { host, stop: () => void child.kill("SIGKILL") };
}

/** Returns the model as a zip, as nnU-Net exports it. */
function modelArchive(): Buffer {
  const folder = join(scratch, "Dataset501_Blobs", "nnUNetTrainer__nnUNetPlans__2d");
  mkdirSync(folder, { recursive: true });
  execFileSync("cp", ["-r", `${join(golden, "model")}/.`, folder]);
  const script =
    "import shutil, sys; shutil.make_archive(sys.argv[1], 'zip', sys.argv[2], 'Dataset501_Blobs')";
  execFileSync("python3", ["-c", script, join(scratch, "model"), scratch]);
  return readFileSync(join(scratch, "model.zip"));
}

/** Serves bytes over HTTP, with ranges, at about 1 MB a second. Returns the address. */
async function serveSlowly(bytes: Buffer): Promise<string> {
  const server = createServer(async (request, response) => {
    const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
    const isPart = request.headers.range !== undefined;
    response.writeHead(isPart ? 206 : 200, {
      "accept-ranges": "bytes",
      etag: '"kill"',
      "content-length": bytes.length - from,
      ...(isPart && { "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` }),
    });
    if (request.method === "HEAD") return void response.end();
    for (let at = from; at < bytes.length && !response.destroyed; at += 50_000) {
      response.write(bytes.subarray(at, at + 50_000));
      await wait(50);
    }
    response.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/model.zip`;
}
