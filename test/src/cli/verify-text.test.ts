import { expect, test } from "vitest";
import type { VerifyReport } from "../../../src/build/verify-report.js";
import { otherBase, verificationText } from "../../../src/cli/commands/verify.js";

const report: VerifyReport = {
  ...{ image: "team/liver:1", foundDigest: "sha256:a", rebuiltDigest: "sha256:b" },
  ...{ isSame: false, isByDocker: true },
  layers: [
    {
      ...{ name: "processor", found: "sha256:c", expected: "sha256:d", isSame: false, isFramedAnew: false },
      files: [{ path: "opt/a.js", difference: "other content" }],
    },
  ],
  settings: [
    { name: "container_config", found: JSON.stringify("x".repeat(3000)), expected: null },
    { name: "config.Labels.title", found: JSON.stringify("y".repeat(3000)), expected: '"z"' },
  ],
};

test("verify says why an image of Docker's builder differs, without listing every file and value", () => {
  const lines = verificationText(report).trimEnd().split("\n");
  expect(lines).toHaveLength(7);
  expect(lines).toContainEqual(expect.stringMatching(/Docker built this image/));
  expect(lines.every((line) => line.length < 200)).toBe(true);
});

test("verify names the files of an image that can be rebuilt", () => {
  const text = verificationText({ ...report, isByDocker: false });
  expect(text).toContain("other content: opt/a.js");
  expect(text).toContain("setting  container_config");
});

test.each([
  {
    found: "example.org/base:1",
    remedy: "name that base with --base-image to compare the image with a build on it",
  },
  {
    found: "nnunet-processor-base:cuda12-1",
    remedy:
      "give the --device, --cuda, --gpu-arch and --leave-out of that build, and use the version of build_processor that made it",
  },
])("verify says how to compare an image that was built on the base $found", ({ found, remedy }) => {
  const name = "config.Labels.org.opencontainers.image.base.name";
  const settings = [{ name, found: `"${found}"`, expected: '"own-base:cpu"' }];
  expect(otherBase({ settings })).toBe(
    `; it was built on the base ${found}, and these inputs on own-base:cpu: ${remedy}`,
  );
  expect(otherBase({ settings: [] })).toBe("");
});
