import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { main } from "../../src/cli/main.js";
import { type RedisServer, withRedis } from "../support/batch/redis-server.js";
import { dropFiles, openPage } from "../support/browser/browser-page.js";
import { openBrowser } from "../support/browser/open-browser.js";
import { describeWithEngine, removeImage, testEngine } from "../support/docker/docker.js";
import { buildWithDocker, testBuildRequest } from "../support/docker/processor-build.js";
import { goldenPath } from "../support/golden.js";
import { compareSegmentations } from "../support/images/compare-segmentations.js";
import { withConvertedModel } from "../support/model/convert.js";
import { needs } from "../support/needs.js";
import { testTerminal } from "../support/programs/test-terminal.js";

const timeout = 600_000;
const imageName = "nnunet-processor-test/queue:1";
const golden = "blobs_2d";
const [file = ""] = readdirSync(goldenPath("v2", golden, "input"));
const caseName = file.replace("_0000.nii.gz", "");

describeWithEngine("an image with a queue in Redis", () => {
  let scratch: string;
  let shared: string;

  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), "e2e-queue-"));
    shared = join(scratch, "shared");
    mkdirSync(shared);
    chmodSync(shared, 0o777);
    await buildWithDocker(await testBuildRequest({ golden, imageName, scratch }));
  }, timeout);

  afterAll(async () => {
    await removeImage(imageName);
    rmSync(scratch, { recursive: true, force: true });
  });

  /** Calls `use` while a container runs that shares the network and one folder with this machine. */
  async function withContainer<T>(
    words: readonly string[],
    use: (wait: () => Promise<number>) => Promise<T>,
  ): Promise<T> {
    const container = await testEngine().docker.createContainer({
      Image: imageName,
      User: `${process.getuid!()}:${process.getgid!()}`,
      Cmd: [...words],
      HostConfig: {
        NetworkMode: "host",
        ReadonlyRootfs: true,
        Tmpfs: { "/tmp": "" },
        Binds: [`${shared}:${shared}`],
      },
    });
    try {
      await container.start();
      return await use(async () => (await container.wait()).StatusCode);
    } finally {
      await container.remove({ force: true });
    }
  }

  const workerWords = ({ address }: RedisServer): readonly string[] => [
    ...["batch", "worker", "--redis", address, "--data-root", shared, "--device", "cpu"],
  ];

  test(
    "a worker in a container computes a batch of its model, whose folder it does not see",
    async () => {
      const input = goldenPath("v2", golden, "input");
      writeFileSync(join(shared, file), readFileSync(join(input, file)));
      writeFileSync(join(shared, "cases.jsonl"), JSON.stringify({ case: caseName, inputs: [file] }));
      await withRedis(async (redis) => {
        await withConvertedModel(goldenPath("v2", golden, "model"), async ({ folder: model }) => {
          const terminal = testTerminal(shared);
          const words = ["-m", model, "--manifest", "cases.jsonl", "-o", "out", "--redis", redis.address];
          expect(await main(["batch", "queue", "submit", ...words], terminal)).toBe(0);
        });
        const code = await withContainer([...workerWords(redis), "--until-empty"], (wait) => wait());
        expect(code).toBe(0);
      });
      expect(
        JSON.parse(readFileSync(join(shared, "out", "cases", `${caseName}.json`), "utf8")),
      ).toMatchObject({
        state: "done",
      });
      const { differing, voxels } = await compareSegmentations(
        join(shared, "out", "segmentations", `${caseName}.nii.gz`),
        goldenPath("v2", golden, "expected", caseName, "seg_tta.nii.gz"),
      );
      expect(differing / voxels).toBeLessThan(1e-4);
    },
    timeout,
  );

  test(
    "the page of a container's service shows what another container computed",
    async () => {
      const port = await freePort();
      const jobs = join(shared, "jobs");
      const serve = ["serve", "--no-auth", "--host", "127.0.0.1", "--port", String(port)];
      await withRedis((redis) =>
        withContainer([...serve, "--output-dir", jobs, "--redis", redis.address], () =>
          withContainer(workerWords(redis), async () => {
            const browser = await openBrowser();
            try {
              const address = `http://127.0.0.1:${port}/`;
              await expect
                .poll(
                  () =>
                    fetch(`${address}readyz`).then(
                      ({ status }) => status,
                      () => 0,
                    ),
                  {
                    timeout: 120_000,
                    interval: 250,
                  },
                )
                .toBe(200);
              const page = await openPage(browser, address);
              page.setDefaultTimeout(300_000);
              await dropFiles(page, [join(goldenPath("v2", golden, "input"), file)]);
              await page.getByRole("button", { name: "Segment", exact: true }).click();
              await page.getByRole("group", { name: "Display" }).waitFor();
              expect(await page.locator(".labels tbody button").count()).toBeGreaterThan(0);
            } finally {
              await browser.close();
            }
          }),
        ),
      );
      const [job = ""] = readdirSync(join(jobs, "jobs"));
      const { differing, voxels } = await compareSegmentations(
        join(jobs, "jobs", job, "output", "stage_0", "prediction.nii.gz"),
        goldenPath("v2", golden, "expected", caseName, "seg_tta.nii.gz"),
      );
      expect(differing / voxels).toBeLessThan(1e-4);
    },
    timeout,
  );
}, [needs.redis, needs.chromium]);

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { readonly port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
