import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { ignoreEvents } from "../../processor/contract/progress/run-event.js";
import { readInputsJson } from "../../processor/runtime/entries/grand-challenge/inputs-json.js";
import { loadModel } from "../../processor/runtime/model/load-model.js";
import { readTarget } from "../../processor/runtime/model/read-target.js";
import { writeModelFiles } from "../../processor/runtime/outputs/model-files.js";
import { readSigningKey } from "../../src/attest/signing-key.js";
import { pythonIndex } from "../../src/base-image/python-index.js";
import { registrySettings } from "../../src/cli/registry-settings.js";
import { bundleHook } from "../../src/config/hook-bundle.js";
import { loadConfig } from "../../src/config/load-config.js";
import { engineAddress } from "../../src/docker/engine-address.js";
import { readLockedSource } from "../../src/download/lock-file.js";
import { BlobCache } from "../../src/oci/blob-cache.js";
import { openDockerArchive } from "../../src/oci/open-docker-archive.js";
import { openOciLayout } from "../../src/oci/open-oci-layout.js";
import { readImageArchive } from "../../src/oci/read-image-archive.js";
import { dockerCredentials } from "../../src/oci/registry/docker-credentials.js";
import { readArchiveFacts } from "../../src/targets/preflight/archive-facts.js";
import { neverStopped } from "../support/never-stopped.js";
import { testTerminal } from "../support/programs/test-terminal.js";

const scratch = mkdtempSync(join(tmpdir(), "special-files-"));
afterAll(() => rmSync(scratch, { recursive: true }));

/** A FIFO without a writer, and a folder. A reader of either must not block. */
const makers: Readonly<Record<string, (path: string) => void>> = {
  "a FIFO": (path) => void execFileSync("mkfifo", [path]),
  "a folder": (path) => mkdirSync(path),
};

interface Place {
  /** Paths in a scratch folder, in which the FIFO is created. */
  readonly path: string;
  readonly read: (path: string, folder: string) => unknown;
  readonly code: string;
}

const digest = `sha256:${"0".repeat(64)}`;
const layoutIndex = JSON.stringify({
  manifests: [{ mediaType: "application/vnd.oci.image.manifest.v1+json", digest, size: 2 }],
});

const places: Readonly<Record<string, Place>> = {
  "config.json": { path: "config.json", read: (path) => loadConfig(path), code: "CONFIG_NOT_FOUND" },
  "processor.lock.json": {
    path: "processor.lock.json",
    read: (path) => readLockedSource(path, "a"),
    code: "LOCK_INVALID",
  },
  "Docker's config.json, for a registry": {
    path: "config.json",
    read: (_, folder) => dockerCredentials("r.example", { DOCKER_CONFIG: folder }),
    code: "REGISTRY_DENIED",
  },
  "Docker's config.json, for the engine": {
    path: "config.json",
    read: (_, folder) => engineAddress({ DOCKER_CONFIG: folder }),
    code: "ENGINE_MISSING",
  },
  "a certificate of the engine": {
    path: "ca.pem",
    read: (_, folder) => engineAddress({ DOCKER_HOST: "tcp://h:2376", DOCKER_CERT_PATH: folder }),
    code: "ENGINE_MISSING",
  },
  "a registry's authority": {
    path: "ca.pem",
    read: (path, folder) =>
      registrySettings({ "registry-ca": path } as never, "r.example/a", testTerminal(folder)),
    code: "USAGE",
  },
  "a signing key": {
    path: "cosign.key",
    read: (path) => readSigningKey(path, "x"),
    code: "SIGN_KEY_INVALID",
  },
  "pip's configuration": {
    path: "pip.conf",
    read: (path) => pythonIndex({ PIP_CONFIG_FILE: path }),
    code: "USAGE",
  },
  "a hook module": {
    path: "hook.ts",
    read: (path, folder) => bundleHook(path, join(folder, "out.js")),
    code: "HOOK_INVALID",
  },
  "target.json": { path: "target.json", read: (path) => readTarget(path), code: "MANIFEST_INVALID" },
  "manifest.json": {
    path: "manifest.json",
    read: (_, folder) => loadModel(folder, null),
    code: "MODEL_NOT_FOUND",
  },
  "inputs.json": {
    path: "inputs.json",
    read: (_, folder) => readInputsJson(folder),
    code: "INPUTS_JSON_INVALID",
  },
  "an archive to build on": {
    path: "base.tar",
    read: async (path, folder) =>
      openDockerArchive(path, { cache: await BlobCache.open(join(folder, "cache")), signal: neverStopped() }),
    code: "IMAGE_FILE_INVALID",
  },
  "an archive to inspect": {
    path: "image.tar",
    read: (path) => readImageArchive(path, "manifest.json"),
    code: "IMAGE_FILE_INVALID",
  },
  "an archive for preflight": {
    path: "image.tar",
    read: (path) => readArchiveFacts(path, neverStopped()),
    code: "INPUT_NOT_FOUND",
  },
  "a document of an OCI layout": {
    path: `blobs/sha256/${"0".repeat(64)}`,
    read: async (_, folder) => {
      writeFileSync(join(folder, "index.json"), layoutIndex);
      await openOciLayout(folder);
    },
    code: "IMAGE_FILE_INVALID",
  },
  "nnU-Net's dataset.json next to segmentations": {
    path: "out/dataset.json",
    read: async (_, folder) => {
      writeFileSync(join(folder, "dataset.json"), "{}");
      await writeModelFiles(
        { folder, model: { nnunetVersion: 2, folds: [{ fold: 0, onnxFile: "fold_0.onnx" }] } as never },
        { folder: join(folder, "out"), existing: "error", onEvent: ignoreEvents },
      );
    },
    code: "OUTPUT_EXISTS",
  },
};

describe.each(Object.entries(makers))("%s is refused without waiting, as", (kind, make) => {
  test.each(Object.entries(places))("%s", async (title, { path, read, code }) => {
    const folder = join(scratch, `${kind} ${title}`.replaceAll(/\W+/g, "-"));
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    make(join(folder, path));
    const refused = Promise.resolve().then(() => read(join(folder, path), folder));
    await expect(refused).rejects.toMatchObject({ name: "ProcessorError", code });
  });
});
