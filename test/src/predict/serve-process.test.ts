import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { goldenPath } from "../../support/golden.js";
import { startHook } from "../../support/service/hook-server.js";
import { addressOf, type ServerProcess, startServer } from "../../support/service/server-process.js";
import { temporaryFolder } from "../../support/service/test-service.js";

const blobs = goldenPath("v2", "blobs_2d");

/** Writes a file of models with the golden one and one whose checkpoint is something else. */
function specFolder(more = ""): string {
  const folder = temporaryFolder();
  writeFileSync(
    join(folder, "model-serve-spec.yaml"),
    `model_folder: ${goldenPath("v2")}\n${more}models:\n  - {id: blobs, rel_path: blobs_2d}\n`,
  );
  return folder;
}

const readyOf = async (address: string) => {
  const answer = await fetch(`${address}/readyz`);
  return { httpStatus: answer.status, ...((await answer.json()) as { readonly reason: string | null }) };
};

async function startReady(folder: string, flags: readonly string[] = []): Promise<[ServerProcess, string]> {
  const server = startServer(folder, flags);
  const address = await addressOf(server);
  await server.said(/^ready$/m);
  return [server, address];
}

async function startJob(address: string): Promise<string> {
  const form = new FormData();
  form.append("request", JSON.stringify({ model: "blobs" }));
  form.append("file", new Blob([readFileSync(join(blobs, "input", "blob_010_0000.nii.gz"))]), "blob.nii.gz");
  const answer = await fetch(`${address}/v1/jobs`, { method: "POST", body: form });
  expect(answer.status).toBe(202);
  return ((await answer.json()) as { readonly id: string }).id;
}

const jobOf = async (address: string, id: string) =>
  (await (await fetch(`${address}/v1/jobs/${id}`)).json()) as { readonly state: string };

test("models are converted before the server takes jobs, and it says so", async () => {
  const server = startServer(specFolder(), []);
  const address = await addressOf(server);
  const early = await readyOf(address);
  expect(early).toMatchObject({ httpStatus: 503, reason: "the models are being made ready" });
  const refused = await fetch(`${address}/v1/jobs`, { method: "POST", body: new FormData() });
  expect(refused.status).toBe(503);
  await server.said(/^ready$/m);
  expect(server.texts.err).toContain("blobs: converting the weights");
  expect(await readyOf(address)).toMatchObject({ httpStatus: 200, reason: null, models: { blobs: "ready" } });
  const id = await startJob(address);
  await expect.poll(async () => (await jobOf(address, id)).state, { timeout: 120_000 }).toBe("done");
  server.child.kill("SIGTERM");
  expect(await server.ended).toBe(0);
});

test("a server whose models are not ready in time gives up with the reason", async () => {
  const server = startServer(specFolder("load_timeout_min: 0.0001\n"), []);
  expect(await server.ended).toBe(5);
  expect(server.texts.err).toMatch(/LOAD_TIMEOUT|not ready within 0\.0001 minutes \(load_timeout_min\)/);
});

test("a second server on the folder of one that runs does not start, and leaves it alone", async () => {
  const folder = specFolder();
  const [first, address] = await startReady(folder);
  const second = startServer(folder, []);
  expect(await second.ended).toBe(2);
  expect(second.texts.err).toContain("another server");
  expect((await readyOf(address)).httpStatus).toBe(200);
  // The folder of a server that died is free.
  first.child.kill("SIGKILL");
  await first.ended;
  await startReady(folder);
});

test("a second signal ends a server whose job still runs, and the next start interrupts the job", async () => {
  const folder = specFolder();
  const [server, address] = await startReady(folder, ["--grace", "10min"]);
  const id = await startJob(address);
  await expect.poll(async () => (await jobOf(address, id)).state, { timeout: 60_000 }).not.toBe("waiting");
  server.child.kill("SIGTERM");
  await server.said(/a second signal ends the server at once/);
  const again = setInterval(() => server.child.kill("SIGTERM"), 600);
  const code = await server.ended;
  clearInterval(again);
  // A signal that ends the process gives no code.
  expect([0, 130, null]).toContain(code);
  const [, next] = await startReady(folder);
  const { state } = await jobOf(next, id);
  expect(state).toBe(code === 0 ? "done" : "interrupted");
});

test("a webhook that a killed server had not delivered is delivered by the next one, with the same id", async () => {
  const hook = await startHook([500, 200]);
  const folder = specFolder();
  const flags = ["--update-url", hook.address];
  const [server, address] = await startReady(folder, flags);
  const id = await startJob(address);
  await expect.poll(() => hook.received.length, { timeout: 120_000 }).toBe(1);
  server.child.kill("SIGKILL");
  await server.ended;
  await startReady(folder, flags);
  await expect.poll(() => hook.received.length, { timeout: 60_000 }).toBe(2);
  const [first, second] = hook.received;
  expect(JSON.parse(second!.body)).toMatchObject({ job_id: id, status: "done" });
  expect(second!.id).toBe(first!.id);
});

test("a server that is killed while a job runs has the next one report the job", async () => {
  const hook = await startHook([200]);
  const folder = specFolder();
  const flags = ["--update-url", hook.address];
  const [server, address] = await startReady(folder, flags);
  const id = await startJob(address);
  await expect.poll(async () => (await jobOf(address, id)).state, { timeout: 60_000 }).not.toBe("waiting");
  server.child.kill("SIGKILL");
  await server.ended;
  await startReady(folder, flags);
  await expect.poll(() => hook.received.length, { timeout: 60_000 }).toBeGreaterThan(0);
  expect(JSON.parse(hook.received.at(-1)!.body)).toMatchObject({ job_id: id });
});
