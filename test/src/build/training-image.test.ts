import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { trainingDockerfile } from "../../../src/build/build-training-image.js";
import { repositoryRoot } from "../../support/golden.js";

const requirementsOf = (device: string): readonly string[] =>
  readFileSync(join(repositoryRoot, "base-image", "training", `${device}.txt`), "utf8")
    .trimEnd()
    .split("\n");

test.each(["cpu", "cuda"])(
  "every Python package of the image for %s has a version and a digest",
  (device) => {
    const lines = requirementsOf(device);
    expect(lines.filter((line) => !/^[a-z0-9._-]+==[^ ]+ --hash=sha256:[0-9a-f]{64}$/.test(line))).toEqual(
      [],
    );
    expect(lines.filter((line) => line.startsWith("nnunetv2=="))).toHaveLength(1);
  },
);

test("the image for CPUs has Debian's PyTorch, and pip installs no other one", async () => {
  expect(await trainingDockerfile("cpu", "debian:trixie-slim")).toMatch(
    /python3-torch [\s\S]*--system-site-packages/,
  );
  expect(requirementsOf("cpu").filter((line) => /^(torch|torchvision|nvidia-)/.test(line))).toEqual([]);
});

test("the image for GPUs has the PyTorch of its list", async () => {
  const dockerfile = await trainingDockerfile("cuda", "registry.example/debian:trixie");
  expect(dockerfile).toContain("FROM registry.example/debian:trixie\n");
  expect(dockerfile).not.toContain("python3-torch");
  expect(requirementsOf("cuda").filter((line) => line.startsWith("torch=="))).toHaveLength(1);
});

test("pip takes only files whose digest is in the list", async () => {
  expect(await trainingDockerfile("cuda", "debian:trixie-slim")).toContain("--no-deps --require-hashes");
});
