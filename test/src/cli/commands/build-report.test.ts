import { tmpdir } from "node:os";
import { describe, expect, test } from "vitest";
import type { BuildOptions } from "../../../../src/build/build-options.js";
import type { BuildReport } from "../../../../src/build/docker-build.js";
import type { EmbeddedBuildReport } from "../../../../src/build/embedded-build.js";
import { recordOfDocker, recordOfEmbedded } from "../../../../src/cli/commands/build-record.js";
import { reportText } from "../../../../src/cli/commands/build-report.js";
import { testBuildOptions } from "../../../support/processor-build.js";

const [id, manifest] = [`sha256:${"1".repeat(64)}`, `sha256:${"2".repeat(64)}`];
const labels = {
  "org.nnunet-processor.dataset": "Dataset004_Liver",
  "org.nnunet-processor.configuration": "3d_fullres",
  "org.nnunet-processor.checkpoint": "checkpoint_final.pth",
  "org.nnunet-processor.folds": "0 1",
  "org.nnunet-processor.nnunet-version": "2",
  "org.nnunet-processor.mirroring": "off",
  "org.nnunet-processor.step-size": "0.5",
  "org.nnunet-processor.precision": "auto",
};
const common = {
  ...{
    imageName: "registry.example.org:5000/team/liver:1",
    sizeBytes: 183_000_000,
    baseImage: "base:1",
    labels,
  },
  archive: { path: "/here/team-liver-1.tar.gz", bytes: 69_000_000, sha256: "3".repeat(64) },
  ...{ modelTarball: null, attested: null },
  pushed: {
    ...{ manifestDigest: manifest, configDigest: id, sentBytes: 1_000_000, blobsThere: 4 },
    isListedUnderSubject: false,
  },
};
const docker: BuildReport = {
  ...{ ...common, imageId: id, engine: "Docker 20.10", buildFolder: null },
  steps: [],
};
const embedded: EmbeddedBuildReport = {
  ...{ ...common, engine: null, configDigest: id, manifestDigest: manifest },
  archive: { ...common.archive, configDigest: id, manifestDigest: manifest },
};

describe("--json of a build", () => {
  test("has the same keys whoever put the image together, and one name to pin", () => {
    const records = [recordOfDocker(docker), recordOfEmbedded(embedded)];
    expect(Object.keys(records[0]!).sort()).toEqual(Object.keys(records[1]!).sort());
    for (const record of records)
      expect(record).toMatchObject({
        ...{ reportVersion: 1, imageId: id, manifestDigest: manifest },
        pinnedName: `registry.example.org:5000/team/liver@${manifest}`,
        departures: ["mirroring is off; nnU-Net mirrors by default"],
      });
  });

  test("says of an image that only Docker has that no registry knows it by a digest", () => {
    expect(recordOfDocker({ ...docker, pushed: null })).toMatchObject({
      ...{ imageId: id, manifestDigest: null, pinnedName: null },
    });
  });
});

describe("the summary of a build", () => {
  const options = (change: Partial<BuildOptions> = {}): Promise<BuildOptions> =>
    testBuildOptions({ golden: "blobs_2d", imageName: "team/liver:1", scratch: tmpdir() }).then((made) => ({
      ...made,
      ...change,
    }));
  const here = { environment: {}, currentDirectory: "/here" };
  const text = async (change: Partial<BuildOptions> = {}, record = recordOfDocker(docker)) =>
    reportText(record, await options(change), here as never);

  test("calls the same thing by the same name, and says what went in and how it segments", async () => {
    const rows = (words: string): string => words.slice(0, words.indexOf("\n\n"));
    const said = await text();
    expect(rows(said)).toBe(rows(await text({}, recordOfEmbedded(embedded))));
    for (const line of [
      `id       ${id}`,
      `manifest ${manifest}`,
      "model    Dataset004_Liver 3d_fullres, checkpoint_final.pth, folds 0 1",
      "segments mirroring off, step size 0.5, float32 on the CPU (ONNX Runtime)",
      "differs  mirroring is off; nnU-Net mirrors by default",
      "archive  team-liver-1.tar.gz (69.0 MB)",
    ])
      expect(said.split("\n")).toContain(line);
  });

  test("names folds that are not finished", async () => {
    const { models } = await options();
    const [member] = models.members;
    const leftOut = [{ fold: "1", reason: "fold 1 has no checkpoint_final.pth, but checkpoint_best.pth" }];
    const members = [{ ...member!, model: { ...member!.model, leftOut } }];
    expect(await text({ models: { ...models, members } })).toContain(
      "\nleft out fold 1 has no checkpoint_final.pth, but checkpoint_best.pth\n",
    );
  });

  test("makes the output folder before Docker would, and runs as the user who calls", async () => {
    const said = await text();
    expect(said).toContain("\n  mkdir -p out\n");
    expect(said).toContain('--user "$(id -u):$(id -g)"');
    expect(said).not.toContain("docker load");
    expect(await text({}, recordOfEmbedded(embedded))).toContain("\n  docker load -i team-liver-1.tar.gz\n");
  });

  test("for grand-challenge names the command that lays the job out", async () => {
    const target = {
      ...({ kind: "grand-challenge", apiMethod: "invoke", inputSockets: null } as const),
      ...{ outputSocket: "organ", jsonOutputs: [] },
    };
    const said = await text({ target, modelTarball: "/here/model.tar.gz" });
    expect(said).toContain(
      "\n  build_processor simulate team-liver-1.tar.gz -i cases/ --model-tarball model.tar.gz\n",
    );
    expect(said).not.toContain("docker run");
  });
});
