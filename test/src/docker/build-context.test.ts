import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { extract } from "tar-fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { contextEntries, writeBuildContext } from "../../../src/docker/build-context.js";
import { contextStream } from "../../../src/docker/context-stream.js";
import { renderDockerTexts } from "../../../src/docker/dockerfile.js";
import { layerFile } from "../../../src/image/image-plan.js";
import { testPlan, textLayer } from "../../support/oci/test-plan.js";

describe("a Dockerfile", () => {
  test("adds the layers to the base in the plan's order and sets the entrypoint", () => {
    expect(
      renderDockerTexts(testPlan()).dockerfile,
    ).toBe(`# Written by build_processor. The layers that change least often come first.
FROM base:1
COPY ["first/", "/"]
COPY ["second/", "/"]
ENV NODE_ENV="production" \\
    GREETING="a \\"quoted\\" \\$word"
WORKDIR /
USER 1000:1000
HEALTHCHECK NONE
ENTRYPOINT ["/usr/local/bin/node","/opt/main.js"]
CMD ["--flag"]
LABEL "org.example.first"="1" \\
      "org.example.second"="back\\\\slash, \\"quotes\\", \\$HOME"
`);
  });

  test("starts with the archive of a root file system if there is no base image", () => {
    const plan = testPlan({ base: { kind: "root-file-system", archive: "/somewhere/debian.tar" } });
    expect(renderDockerTexts(plan).dockerfile).toContain('FROM scratch\nADD ["debian.tar", "/"]\n');
  });

  test("keeps a value on its line, so that it can't add an instruction", () => {
    const plan = testPlan({ labels: { evil: "x\nRUN rm -rf /\r\u2028USER root" } });
    const { dockerfile } = renderDockerTexts(plan);
    expect(dockerfile).toContain('LABEL "evil"="x RUN rm -rf / USER root"');
    expect(dockerfile).not.toMatch(/^(RUN|USER root)/m);
  });

  test("comes with a .dockerignore that lets only the layers through", () => {
    expect(renderDockerTexts(testPlan()).dockerignore).toMatch(/^\*\n!first\n!second\n$/m);
  });
});

describe("a build context", () => {
  let folder: string;
  let weights: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "context-"));
    mkdirSync(join(folder, "model"));
    weights = join(folder, "model", "fold_0.weights");
    writeFileSync(weights, "w".repeat(100_000), { mode: 0o600 });
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  const plan = () =>
    testPlan({
      layers: [
        { name: "fold_0", entries: [layerFile("opt/model/fold_0.weights", { file: weights })] },
        textLayer("processor", { "opt/processor/main.js": "main", "opt/processor/deep/er.js": "deeper" }),
        { name: "root", entries: [{ kind: "directory", path: "output", mode: 0o777 }] },
      ],
    });

  test("streams every file in place, with the modes of the plan, owned by root and without a time", async () => {
    const headers = await unpack(join(folder, "unpacked"));
    expect(readFileSync(join(folder, "unpacked/fold_0/opt/model/fold_0.weights"), "utf8")).toHaveLength(
      100_000,
    );
    expect(readFileSync(join(folder, "unpacked/processor/opt/processor/deep/er.js"), "utf8")).toBe("deeper");
    expect(headers.get("fold_0/opt/model/fold_0.weights")?.mode).toBe(0o644);
    expect(headers.get("root/output")?.mode).toBe(0o777);
    expect(headers.get("processor/opt/processor/deep")?.type).toBe("directory");
    for (const { mtime, uid, gid } of headers.values()) {
      expect({ time: mtime.getTime(), uid, gid }).toEqual({ time: 0, uid: 0, gid: 0 });
    }
  });

  test("has the same bytes each time, regardless of the files' own times and modes", async () => {
    const before = await bytesOf(contextStream(contextEntries(plan())));
    rmSync(weights);
    writeFileSync(weights, "w".repeat(100_000), { mode: 0o644 });
    expect(before.equals(await bytesOf(contextStream(contextEntries(plan()))))).toBe(true);
  });

  test("as a folder has the same files, and stores weights on the same disk only once", async () => {
    const context = join(folder, "context");
    mkdirSync(context);
    await writeBuildContext(plan(), (name) => join(context, name));
    expect(readFileSync(join(context, "Dockerfile"), "utf8")).toContain('COPY ["fold_0/", "/"]');
    expect(statSync(join(context, "fold_0/opt/model/fold_0.weights")).ino).toBe(statSync(weights).ino);
    expect(readFileSync(join(context, "processor/opt/processor/main.js"), "utf8")).toBe("main");
    expect(statSync(join(context, "root/output")).isDirectory()).toBe(true);
  });

  async function unpack(to: string) {
    const headers = new Map<string, { mode: number; mtime: Date; uid: number; gid: number; type: string }>();
    const map = <
      Header extends { name: string; mode: number; mtime: Date; uid: number; gid: number; type: string },
    >(
      header: Header,
    ) => {
      headers.set(header.name.replace(/\/$/, ""), { ...header });
      return header;
    };
    await pipeline(contextStream(contextEntries(plan())), extract(to, { map }));
    return headers;
  }
});

async function bytesOf(stream: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
