import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { dockerCredentials } from "../../../../src/oci/registry/docker-credentials.js";

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "docker-credentials-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const found = (config: string) => {
  writeFileSync(join(folder, "config.json"), config);
  return dockerCredentials("r.example", {
    DOCKER_CONFIG: folder,
    PATH: `${folder}:${process.env["PATH"] ?? ""}`,
  });
};

const auth = (text: string): string =>
  JSON.stringify({ auths: { "r.example": { auth: Buffer.from(text).toString("base64") } } });

describe("Docker's config.json", () => {
  test.each([
    ["null", "the document should be an object"],
    ['{"auths": []}', "auths should be an object"],
    ['{"auths": {"r.example": null}}', "auths.r.example should be an object"],
    ['{"auths": {"r.example": {"auth": 7}}}', "auths.r.example.auth should be a text"],
    ['{"credsStore": {}}', "credsStore should be a text"],
    ['{"credHelpers": {"r.example": 1}}', "credHelpers.r.example should be a text"],
    ["{", "is not JSON"],
  ])("%s is refused, naming file and place", async (config, problem) => {
    await expect(found(config)).rejects.toMatchObject({
      code: "REGISTRY_DENIED",
      message: expect.stringMatching(new RegExp(`config\\.json .*${problem}`)),
    });
  });

  test("gives name and password without the zero bytes at their end, however many there are", async () => {
    expect(await found(auth(`bob:secret${"\0".repeat(1_000_000)}`))).toEqual({
      ...{ kind: "password", user: "bob", password: "secret" },
    });
    await expect(found(auth(`${"\0".repeat(300_000)}x`))).rejects.toMatchObject({ code: "REGISTRY_DENIED" });
  });
});

describe("the answer of a credential helper", () => {
  test.each([
    ["<html>", "is not JSON"],
    ["null", "the document should be an object"],
    ['{"Username":"bob"}', "Secret is missing"],
    ['{"Username":["bob"],"Secret":"s3cret"}', "Username should be a text"],
  ])("%s is refused, and is not repeated", async (answer, problem) => {
    const program = join(folder, "docker-credential-test");
    writeFileSync(program, `#!/bin/sh\ncat >/dev/null\ncat <<'END'\n${answer}\nEND\n`);
    chmodSync(program, 0o755);
    const refused = found('{"credsStore":"test"}');
    await expect(refused).rejects.toMatchObject({
      code: "REGISTRY_DENIED",
      message: expect.stringContaining(problem),
    });
    await expect(refused).rejects.not.toThrow("s3cret");
  });
});
