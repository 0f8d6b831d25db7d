import { tmpdir } from "node:os";
import { describe, expect, test } from "vitest";
import { type BuildFacts, buildReport, type ImageFacts } from "../../../../src/build/build-report.js";
import type { BuildRequest } from "../../../../src/build/build-request.js";
import { reportText } from "../../../../src/cli/commands/build-report.js";
import { testBuildRequest } from "../../../support/docker/processor-build.js";

const id = `sha256:${"1".repeat(64)}`;
const manifest = `sha256:${"2".repeat(64)}`;
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
const pushed = {
  manifestDigest: manifest,
  configDigest: id,
  sentBytes: 1_000_000,
  blobsThere: 4,
  isListedUnderSubject: false,
};
const archive = { path: "/here/team-liver-1.tar.gz", bytes: 69_000_000, sha256: "3".repeat(64) };
const facts: BuildFacts = {
  builder: "docker",
  imageName: "registry.example.org:5000/team/liver:1",
  baseImage: "base:1",
  engine: "Docker 20.10",
  labels,
  archive,
  modelTarball: null,
  pushed,
  attested: null,
  buildFolder: null,
};
const image: ImageFacts = { imageId: id, manifestDigest: null, sizeBytes: 183_000_000, steps: [] };
const docker = buildReport(facts, image);
const embedded = buildReport(
  { ...facts, builder: "embedded", engine: null },
  { ...image, manifestDigest: manifest },
);
const context = buildReport(
  { ...facts, builder: "context", engine: null, archive: null, pushed: null, buildFolder: "/here/build" },
  null,
);

describe("--json of a build", () => {
  test("has the same keys with every builder, and one name to pin", () => {
    for (const report of [embedded, context])
      expect(Object.keys(report).sort()).toEqual(Object.keys(docker).sort());
    for (const report of [docker, embedded])
      expect(report).toMatchObject({
        ...{ reportVersion: 1, imageId: id, manifestDigest: manifest },
        pinnedName: `registry.example.org:5000/team/liver@${manifest}`,
        departures: ["mirroring is off; nnU-Net mirrors by default"],
      });
  });

  test("shows for an image that only Docker has that it has no digest in a registry", () => {
    expect(buildReport({ ...facts, pushed: null }, image)).toMatchObject({
      ...{ imageId: id, manifestDigest: null, pinnedName: null },
    });
  });

  test("has no values of an image if only the context was written", () => {
    expect(context).toMatchObject({
      builder: "context",
      imageId: null,
      manifestDigest: null,
      sizeBytes: null,
      buildFolder: "/here/build",
    });
  });
});

describe("the summary of a build", () => {
  const request = (change: Partial<BuildRequest> = {}): Promise<BuildRequest> =>
    testBuildRequest({ golden: "blobs_2d", imageName: "team/liver:1", scratch: tmpdir() }).then((made) => ({
      ...made,
      ...change,
    }));
  const here = { environment: {}, currentDirectory: "/here" };
  const text = async (change: Partial<BuildRequest> = {}, report = docker) =>
    reportText(report, await request(change), here as never);

  test("uses the same words for every builder, and says what is in the image and how it segments", async () => {
    const rows = (words: string): string => words.slice(0, words.indexOf("\n\n"));
    const said = await text();
    expect(rows(said)).toBe(rows(await text({}, embedded)));
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

  test("names unfinished folds", async () => {
    const models = (await request()).models!;
    const [member] = models.members;
    const leftOut = [{ fold: "1", reason: "fold 1 has no checkpoint_final.pth, but checkpoint_best.pth" }];
    const members = [{ ...member, model: { ...member.model, leftOut } }] as const;
    expect(await text({ models: { ...models, members } })).toContain(
      "\nleft out fold 1 has no checkpoint_final.pth, but checkpoint_best.pth\n",
    );
  });

  test("makes the output folder before Docker does, and runs the image as the present user", async () => {
    const said = await text();
    expect(said).toContain("\n  mkdir -p out\n");
    expect(said).toContain('--user "$(id -u):$(id -g)"');
    expect(said).not.toContain("docker load");
    expect(await text({}, embedded)).toContain("\n  docker load -i team-liver-1.tar.gz\n");
  });

  test("wraps a long value on a terminal without cutting a word", async () => {
    const path = `/here/${"organs-and-vessels-".repeat(3)}1.tar.gz`;
    const files = { spdx: path.replace("tar.gz", "spdx.json"), provenance: path };
    const attested = { files, referrers: [], signatures: [] };
    const report = { ...docker, attested };
    const said = reportText(report, await request(), { ...here, hasColour: true, columns: 80 } as never);
    expect(said).toContain(".spdx.json\n         (list of contents, SPDX)\n");
    expect(reportText(report, await request(), here as never)).toContain(
      ".spdx.json (list of contents, SPDX)\n",
    );
  });

  test("of a context shows the command that builds it, in lines of at most 80 columns", async () => {
    const said = await text({}, context);
    expect(said).toContain(
      "\nbuild it:\n  docker build -t registry.example.org:5000/team/liver:1 \\\n    /here/build\n",
    );
  });

  test("for grand-challenge names the command that arranges images as a job", async () => {
    const target = {
      ...({ kind: "grand-challenge", apiMethod: "invoke", inputSockets: null } as const),
      ...{ outputSocket: "organ", jsonOutputs: [] },
    };
    const { image: wanted, outputs } = await request();
    const said = await text({
      image: { ...wanted, target },
      outputs: { ...outputs, modelTarball: "/here/model.tar.gz" },
    });
    expect(said).toContain(
      "\n  build_processor simulate team-liver-1.tar.gz -i cases/ --model-tarball model.tar.gz\n",
    );
    expect(said).not.toContain("docker run");
  });
});
