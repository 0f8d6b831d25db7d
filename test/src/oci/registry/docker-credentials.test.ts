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
  const environment = { DOCKER_CONFIG: folder, PATH: `${folder}:${process.env["PATH"] ?? ""}` };
  return dockerCredentials("r.example", environment, { seconds: 2 });
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
    ["", "is not JSON"],
    ["[]", "the document should be an object"],
    ['{"auths": "r.example"}', "auths should be an object"],
    [
      '{"auths": {"r.example": {"auth": "bob:s3cret"}}}',
      "auths.r.example.auth is not user:password in base64",
    ],
    ['{"auths": {"r.example": {"auth": "Ym9i"}}}', "auths.r.example.auth is not user:password in base64"],
    ['{"credsStore": "../bin/x"}', "is not the end of a program's name"],
    ['{"credsStore": "a\\u0000b"}', "is not the end of a program's name"],
    [`{"x": "s3cret${" ".repeat(2 ** 24)}"}`, "it has 16777231 bytes"],
  ])("%.60s is refused with file and position", async (config, problem) => {
    const refused = found(config);
    await expect(refused).rejects.toMatchObject({
      code: "REGISTRY_DENIED",
      message: expect.stringMatching(new RegExp(`config\\.json:? .*${problem}`)),
    });
    await expect(refused).rejects.not.toThrow("s3cret");
  });

  test("with an empty store name has no helper, as in Docker", async () => {
    expect(await found('{"credsStore": ""}')).toBeNull();
  });

  test("returns name and password without any zero bytes at their end", async () => {
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

describe("a credential helper that", () => {
  test.each([
    ["is not installed", null, "can't be run (ENOENT)"],
    ["gives no answer", "sleep 5 & wait", "gave no answer within 2 s"],
    ["ignores requests to end", "trap '' TERM; while :; do :; done", "gave no answer within 2 s"],
    ["fails with a reason", "echo the key ring is locked; exit 1", "failed: the key ring is locked"],
    ["fails without a reason", "exit 3", "failed: exit code 3"],
    [
      "fails and prints the secret",
      `echo '{"Username":"bob","Secret":"s3cret"}'; exit 1`,
      "failed: exit code 1",
    ],
    ["never ends its answer", "yes s3cret", "answers with more than 1048576 bytes"],
  ])("%s is named with the file that names it", async (_, script, problem) => {
    if (script !== null) {
      const program = join(folder, "docker-credential-test");
      writeFileSync(program, `#!/bin/sh\n${script}\n`);
      chmodSync(program, 0o755);
    }
    const refused = found('{"credHelpers":{"r.example":"test"}}');
    await expect(refused).rejects.toMatchObject({
      code: "REGISTRY_DENIED",
      message: `the credential helper docker-credential-test, which ${folder}/config.json names, ${problem}`,
    });
    await expect(refused).rejects.not.toThrow("s3cret");
  });

  test("does not know the registry is not an error", async () => {
    const program = join(folder, "docker-credential-test");
    writeFileSync(program, "#!/bin/sh\necho credentials not found in native keychain\nexit 1\n");
    chmodSync(program, 0o755);
    expect(await found('{"credHelpers":{"r.example":"test"}}')).toBeNull();
  });
});
