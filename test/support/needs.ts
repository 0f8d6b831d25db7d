import { execFileSync } from "node:child_process";
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestFunction, type TestOptions, test } from "vitest";
import { openvinoFolderVariable, openvinoVersion } from "../../processor/contract/openvino-libraries.js";
import { libdeflate } from "../../processor/files/libdeflate.js";
import { readCpuFacts } from "../../processor/runtime/inference/engines/cpu-facts.js";
import { findOpenvino } from "../../processor/runtime/inference/engines/engine-choice.js";
import { hasProgram } from "./program-on-path.js";

/** Something that a test needs and that not every machine has. */
export interface Need {
  /** The need as a sentence names it. */
  readonly what: string;
  /** The command that makes the tests run, or what to do if no command helps. */
  readonly remedy: string;
  readonly isMet: boolean;
  /** True if `CI=true` makes the tests run, and fail, even without it. */
  readonly isRequiredInCi: boolean;
}

const isCi = process.env["CI"] === "true";

/** The programs that `.ci/run` could not install. */
const notInstallable = (process.env["CI_NOT_INSTALLABLE"] ?? "").split(" ");

const isRoot = process.getuid?.() === 0;

function program(name: string, remedy: string): Need {
  return { what: name, remedy, isMet: hasProgram(name), isRequiredInCi: !notInstallable.includes(name) };
}

export const needs = {
  redis: program("redis-server", "apt-get install redis-server"),
  faketime: { ...program("faketime", "apt-get install faketime"), isRequiredInCi: false },
  registry: program("docker-registry", "apt-get install docker-registry"),
  skopeo: program("skopeo", "apt-get install skopeo"),
  cosign: program("cosign", "go install github.com/sigstore/cosign/v2/cmd/cosign@v2.4.3"),
  crane: program("crane", "go install github.com/google/go-containerregistry/cmd/crane@v0.20.3"),
  pyspdxtools: program("pyspdxtools", "pip install spdx-tools"),
  python: program("python3", "apt-get install python3"),
  xz: program("xz", "apt-get install xz-utils"),
  tar: program("tar", "apt-get install tar"),
  bash: program("bash", "apt-get install bash"),
  zsh: program("zsh", "apt-get install zsh"),
  dpkg: program("dpkg-deb", "run on Debian or Ubuntu"),
  libdeflate: {
    what: "libdeflate",
    remedy: "apt-get install libdeflate0",
    isMet: libdeflate() !== null,
    isRequiredInCi: process.platform === "linux",
  },
  apt: program("apt-get", "run on Debian or Ubuntu"),
  slurm: {
    what: "Slurm",
    remedy: "apt-get install slurm-wlm munge, with /usr/sbin in PATH",
    isMet: ["munged", "slurmctld", "slurmd", "sbatch"].every(hasProgram),
    isRequiredInCi: !notInstallable.includes("slurm"),
  },
  setpriv: program("setpriv", "apt-get install util-linux"),
  linux: {
    what: "Linux",
    remedy: "run on Linux",
    isMet: process.platform === "linux",
    isRequiredInCi: false,
  },
  posix: {
    what: "a POSIX system",
    remedy: "run on Linux or macOS",
    isMet: process.platform !== "win32",
    isRequiredInCi: false,
  },
  root: { what: "root", remedy: "sudo npm test", isMet: isRoot, isRequiredInCi: false },
  notRoot: {
    what: "a user without root's rights",
    remedy: "npm test",
    isMet: !isRoot,
    isRequiredInCi: false,
  },
  mount: {
    what: "the right to mount a small disk",
    remedy: "sudo npm test, in a container with --privileged",
    isMet: process.platform === "linux" && isRoot && hasProgram("mount") && mayMount(),
    isRequiredInCi: false,
  },
  dcmtk: program("storescu", "apt-get install dcmtk"),
  orthanc: program("Orthanc", "apt-get install orthanc orthanc-dicomweb"),
  dicomPeers: {
    what: "pydicom, highdicom, SimpleITK and dcmqi",
    remedy:
      "python3 -m venv V && V/bin/pip install pydicom highdicom SimpleITK dcmqi && DICOM_VENV=V npm test",
    isMet: process.env["DICOM_VENV"] !== undefined,
    isRequiredInCi: false,
  },
  chromium: program("chromium", "apt-get install chromium"),
  dciodvfy: program("dciodvfy", "apt-get install dicom3tools"),
  openvino: {
    what: "OpenVINO",
    remedy: `pip install --no-deps --target V openvino==${openvinoVersion} && ${openvinoFolderVariable}=$PWD/V/openvino/libs npm test`,
    isMet: findOpenvino(process.env) !== null,
    isRequiredInCi: !notInstallable.includes("openvino"),
  },
  bfloat16: {
    what: "a CPU with instructions for bfloat16",
    remedy: "run on a CPU with AMX or AVX512_BF16",
    isMet: readCpuFacts().hasBfloat16,
    isRequiredInCi: false,
  },
  nnunet: {
    what: "the real nnU-Net",
    remedy: "python3 -m venv V && V/bin/pip install nnunetv2 && NNUNET_VENV=V npm test",
    isMet: process.env["NNUNET_VENV"] !== undefined,
    isRequiredInCi: false,
  },
  onnxPrograms: {
    what: "other programs for ONNX",
    remedy:
      "python3 -m venv V && V/bin/pip install onnx onnxruntime openvino protobuf && V/bin/pip install --no-deps tritonclient && ONNX_VENV=V npm test",
    isMet: process.env["ONNX_VENV"] !== undefined,
    isRequiredInCi: !notInstallable.includes("onnx"),
  },
} as const satisfies Readonly<Record<string, Need>>;

/** Works like `describe`, but skips the tests and names what is missing if a need is not met. */
export function describeWith(wanted: readonly Need[], name: string, tests: () => void): void {
  const missing = missingOf(wanted);
  describe.skipIf(missing.length > 0)(titleOf(name, missing), tests);
}

/** Works like `test`, but skips it and names what is missing if a need is not met. */
export function testWith(
  wanted: readonly Need[],
  name: string,
  ...rest: readonly [TestFunction] | readonly [TestOptions, TestFunction]
): void {
  const missing = missingOf(wanted);
  const run = test.skipIf(missing.length > 0);
  const title = titleOf(name, missing);
  if (rest.length === 1) run(title, rest[0]);
  else run(title, ...rest);
}

function missingOf(wanted: readonly Need[]): readonly Need[] {
  return wanted.filter(({ isMet, isRequiredInCi }) => !isMet && !(isCi && isRequiredInCi));
}

/** Returns the title with what is missing in brackets, which the reporter in vitest.config.mjs reads. */
function titleOf(name: string, missing: readonly Need[]): string {
  return [name, ...missing.map(({ what, remedy }) => `[needs ${what}: ${remedy}]`)].join(" ");
}

/** Returns whether this process can mount a file system. Even root cannot in an ordinary container. */
function mayMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), "mount-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=4k", "tmpfs", folder], { stdio: "ignore" });
    execFileSync("umount", [folder]);
    return true;
  } catch {
    return false;
  } finally {
    rmdirSync(folder);
  }
}
