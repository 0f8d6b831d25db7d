/**
 * `npm run test:peers [-- NAME …]`: the comparisons that take too long for every change. Writes docs/reference/peers.md.
 * Needs Docker, docker-registry and Python; NNUNET_VENV names a Python environment with nnunetv2, which is otherwise
 * installed into .bench/venv (several GB).
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { nnunetBin } from "../bench/nnunet-peer.js";
import { repositoryRoot } from "../support/golden.js";
import { outputOf } from "../support/program-on-path.js";
import { compareChain } from "./compare-chain.js";
import { compareWithNnunet } from "./compare-nnunet.js";
import { compareAfterTraining } from "./compare-training.js";
import { lintExamples } from "./lint-examples.js";
import { type PeerReport, updatedPage } from "./peer-report.js";
import { runToEnd } from "./run-to-end.js";

interface Peer {
  readonly name: string;
  readonly what: string;
  versions(): Promise<string>;
  /** Returns the result in a phrase; rejects when it is not as it must be. */
  run(scratch: string): Promise<string>;
}

const compiled = (...parts: readonly string[]) => join(repositoryRoot, "dist", "test", ...parts);

const peers: readonly Peer[] = [
  {
    name: "nnunet-cases",
    what: "segmentations of the golden models, all folds and mirroring, as nnU-Net writes them",
    versions: nnunetVersions,
    run: compareWithNnunet,
  },
  {
    name: "nnunet-training",
    what: "segmentations of models that nnU-Net has just planned and trained in 2-D and 3-D",
    versions: nnunetVersions,
    run: compareAfterTraining,
  },
  {
    name: "nnunet-chain",
    what: "raw data to an image with nnU-Net's training in between, which is stopped and continued",
    versions: nnunetVersions,
    run: compareChain,
  },
  {
    name: "nnunet-tiff",
    what: "TIFF and BMP files that this program writes, read by nnU-Net",
    versions: nnunetVersions,
    run: async () => {
      process.env["NNUNET_VENV"] = dirname(nnunetBin());
      const vitest = join(repositoryRoot, "node_modules", "vitest", "vitest.mjs");
      const printed = await runToEnd(process.execPath, [vitest, "run", "--no-color", "write-tiff"]);
      return /Tests +(.*)/.exec(printed)?.[1] ?? "passed";
    },
  },
  {
    name: "batch-examples",
    what: "the Indexed Job of `batch k8s` against the schemas of Kubernetes, and the example of Snakemake, which is run",
    versions: async () => `kubernetes-validate 1.37.0, snakemake 9.27.1, ${await nodeVersion()}`,
    run: lintExamples,
  },
  {
    name: "kill",
    what: "export, push, Docker build, predict and download, killed at random moments and run again",
    versions: nodeVersion,
    run: async () => {
      const printed = await runToEnd(process.execPath, [compiled("kill", "run-kills.js")]);
      const kills = [...printed.matchAll(/(\d+) of \d+ killed/g)].map(([, count]) => Number(count));
      return `${kills.reduce((a, b) => a + b, 0)} killed, 0 faults`;
    },
  },
  {
    name: "fuzz",
    what: "mutated files for every reader, ten minutes",
    versions: nodeVersion,
    run: async () => {
      const printed = await runToEnd(process.execPath, [compiled("fuzz", "run-fuzz.js")]);
      return printed.trim().split("\n").at(-1) ?? "passed";
    },
  },
];

async function nnunetVersions(): Promise<string> {
  const script =
    "from importlib.metadata import version as v; print(f\"nnunetv2 {v('nnunetv2')}, torch {v('torch')}\")";
  const printed = await outputOf(join(nnunetBin(), "python"), "-c", script);
  return `${printed.trim()}, ${await nodeVersion()}`;
}

async function nodeVersion(): Promise<string> {
  return `Node ${process.versions.node}`;
}

async function reportOf({ name, what, versions, run }: Peer): Promise<PeerReport> {
  const scratch = mkdtempSync(join(tmpdir(), "peers-"));
  const begin = performance.now();
  const result = await run(scratch).catch((error: Error) => {
    process.exitCode = 1;
    const message = error.message.replaceAll(`${repositoryRoot}/`, "").replaceAll(scratch, "…");
    return `FAILED: ${message.replaceAll(/\s*\n\s*|\|/g, " ")}`;
  });
  rmSync(scratch, { recursive: true, force: true });
  const minutes = (performance.now() - begin) / 60_000;
  return {
    name,
    what,
    date: new Date().toISOString().slice(0, 10),
    versions: await versions(),
    minutes,
    result,
  };
}

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !peers.some((peer) => peer.name === name));
if (unknown.length > 0)
  throw new Error(
    `no comparison ${unknown.join(", ")}; there are ${peers.map(({ name }) => name).join(", ")}`,
  );
const page = join(repositoryRoot, "docs", "reference", "peers.md");
for (const peer of peers.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
  console.log(`\n== ${peer.name}: ${peer.what}`);
  const report = await reportOf(peer);
  console.log(report.result);
  writeFileSync(page, updatedPage(existsSync(page) ? readFileSync(page, "utf8") : "", [report]));
}
