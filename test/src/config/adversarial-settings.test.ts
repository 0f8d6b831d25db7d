import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { readInputsJson } from "../../../processor/runtime/entries/grand-challenge/inputs-json.js";
import { readTarget } from "../../../processor/runtime/model/read-target.js";
import { imageUrl } from "../../../src/attest/package-url.js";
import { readSigningKey } from "../../../src/attest/signing-key.js";
import { knownMirror, mirrorOf, namedMirror, transportOf } from "../../../src/base-image/apt-settings.js";
import { pythonIndex } from "../../../src/base-image/python-index.js";
import { loadConfig } from "../../../src/config/load-config.js";
import { engineAddress } from "../../../src/docker/engine-address.js";
import { withTag } from "../../../src/docker/find-image.js";
import { readLockedBase } from "../../../src/download/lock-file.js";
import { archiveFileName } from "../../../src/oci/export-archive.js";
import { dockerCredentials } from "../../../src/oci/registry/docker-credentials.js";
import { parseImageReference } from "../../../src/oci/registry/image-reference.js";
import { parseChallenge } from "../../../src/oci/registry/registry-auth.js";
import { adversarialTexts } from "../../support/adversarial-texts.js";
import { ownTime } from "../../support/own-time.js";

const scratch = mkdtempSync(join(tmpdir(), "adversarial-settings-"));
afterAll(() => rmSync(scratch, { recursive: true }));

/** A file whose content is the text. */
function fileOf(name: string, text: string): string {
  const file = join(scratch, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

/** JSON as it is, or as a text of JSON. */
const quoted = (text: string): string => JSON.stringify(text);

const target = (fields: string): Promise<unknown> =>
  readTarget(fileOf("target.json", `{"targetVersion":1,"target":${fields}}`));
const grandChallenge = (key: string, value: string): string =>
  JSON.stringify({
    kind: "grand-challenge",
    apiMethod: "exec",
    inputSockets: null,
    outputSocket: "o",
    jsonOutputs: [],
    [key]: "?",
  }).replace('"?"', value);
const inputs = (text: string): Promise<unknown> => readInputsJson(dirname(fileOf("job/inputs.json", text)));
const lock = (text: string): Promise<unknown> => readLockedBase(fileOf("processor.lock.json", text), "x");
const config = (text: string): Promise<unknown> => loadConfig(fileOf("config.json", text));
const credentials = (text: string): Promise<unknown> =>
  dockerCredentials("r.example", { DOCKER_CONFIG: dirname(fileOf("docker/config.json", text)) });
const signingKey = (text: string): Promise<unknown> => readSigningKey(fileOf("cosign.key", text), "x");

/** Each reads the text, or refuses it with an error of the catalogue. */
const readers: Readonly<Record<string, (text: string) => unknown>> = {
  "config.json": config,
  "a key of config.json": (text) => config(`{${quoted(text)}:1}`),
  "a text in config.json": (text) => config(`{"device":${quoted(text)}}`),
  "a value in config.json": (text) => config(`{"folds":${text}}`),
  "the model in config.json": (text) => config(`{"model":${quoted(`2d${text}`)}}`),
  "target.json": (text) => readTarget(fileOf("target.json", text)),
  "the version of target.json": (text) => readTarget(fileOf("target.json", `{"targetVersion":${text}}`)),
  "the kind in target.json": (text) => target(`{"kind":${quoted(text)}}`),
  "a socket in target.json": (text) => target(grandChallenge("inputSockets", `{${quoted(text)}:1}`)),
  "an output in target.json": (text) =>
    target(grandChallenge("jsonOutputs", `[{"relativePath":${quoted(text)}}]`)),
  "inputs.json": inputs,
  "a slug in inputs.json": (text) => inputs(`[{"socket":{"slug":${quoted(text)}}}]`),
  "a path in inputs.json": (text) =>
    inputs(`[{"socket":{"slug":"ct","is_image_kind":true,"relative_path":${quoted(text)}}}]`),
  "processor.lock.json": lock,
  "an address in processor.lock.json": (text) => lock(`{"lockVersion":1,"sources":{${quoted(text)}:1}}`),
  "a digest in processor.lock.json": (text) =>
    lock(`{"lockVersion":1,"sources":{},"baseImages":{"x":${quoted(text)}}}`),
  "Docker's config.json": credentials,
  "a password in Docker's config.json": (text) =>
    credentials(`{"auths":{"r.example":{"auth":${quoted(Buffer.from(text).toString("base64"))}}}}`),
  "a key of Docker's config.json": (text) => credentials(`{"auths":{${quoted(text)}:1}}`),
  "the engine's context in Docker's config.json": (text) =>
    engineAddress({
      DOCKER_CONFIG: dirname(fileOf("docker/config.json", `{"currentContext":${quoted(text)}}`)),
    }),
  "a registry's WWW-Authenticate header": parseChallenge,
  "a realm in a WWW-Authenticate header": (text) => parseChallenge(`Bearer realm="x",${text}`),
  "an image's name in a registry": parseImageReference,
  "a tag in a registry": (text) => parseImageReference(`r.example/a:${text}`),
  "an image's name for an engine": withTag,
  "an image's name for an archive": archiveFileName,
  "an image's name for a package URL": (text) =>
    imageUrl({ imageName: text.replaceAll("\ud800", "x"), digest: "sha256:0", architecture: "amd64" }),
  "pip's configuration": (text) => pythonIndex({ PIP_CONFIG_FILE: fileOf("pip.conf", text), HOME: scratch }),
  "the index in pip's configuration": (text) =>
    pythonIndex({ PIP_CONFIG_FILE: fileOf("pip.conf", `[global]\nindex-url =${text}`), HOME: scratch }),
  "the mirror that apt knows": (text) => knownMirror(fileOf("Debian.info", `BaseURI:${text}`)),
  "the mirror of an environment": (text) => namedMirror({ DEBIAN_MIRROR: text }),
  "apt's list of places": (text) => mirrorOf(`trixie main ${text}`, "trixie"),
  "apt's settings": (text) => transportOf(`Acquire::http::${text}`),
  "a signing key": signingKey,
  "cosign's envelope": (text) => signingKey(`-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n${text}`),
};

describe("every reader of settings takes time in proportion to the length:", () => {
  test.each(Object.entries(readers))("%s", async (_, read) => {
    for (const [title, text] of adversarialTexts(1_000_000)) {
      const elapsed = ownTime();
      const thrown = await Promise.resolve()
        .then(() => read(text))
        .then(
          () => null,
          (error: unknown) => error,
        );
      expect(elapsed(), title).toBeLessThan(2000);
      if (thrown === null) continue;
      expect(thrown, title).toMatchObject({ name: "ProcessorError" });
    }
  });
});
