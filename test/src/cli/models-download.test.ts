import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { main } from "../../../src/cli/main.js";
import { hex, modelZip } from "../../support/model/model-zip.js";
import { FileServer, file, json } from "../../support/network/file-server.js";
import { testTerminal } from "../../support/programs/test-terminal.js";

test("models download says what it has downloaded: address, size and digest", async () => {
  const folder = mkdtempSync(join(tmpdir(), "models-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const archive = modelZip(1_250_000);
  const server = await FileServer.start();
  onTestFinished(() => server.stop());
  const key = "Task004_Hippocampus.zip";
  server.on(
    "/api/records/4003545",
    json({ files: [{ key, size: archive.length, checksum: `md5:${hex("md5", archive)}` }] }),
  );
  server.on(`/records/4003545/files/${key}`, file(archive));
  const terminal = testTerminal(folder, { XDG_CACHE_HOME: join(folder, "cache") });
  const args = ["models", "download", "Task004", "--zenodo-url", server.url("/").href];
  expect(await main(args, terminal)).toBe(0);
  expect(terminal.printed.out).toBe(
    `Task004_Hippocampus\n  zenodo:4003545/${key}  1.3 MB  sha256 ${hex("sha256", archive)}\n`,
  );
});
