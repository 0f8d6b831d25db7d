import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { ignoreEvents } from "../../../../processor/contract/progress/run-event.js";
import { imageFile } from "../../../../processor/runtime/cases/case.js";
import { caseRequest } from "../../../../processor/runtime/cases/case-request.js";
import { type Hooks, noHooks } from "../../../../processor/runtime/hooks/hooks.js";
import { type NetworkSet, openNetworkSet } from "../../../../processor/runtime/inference/network-set.js";
import { loadModel } from "../../../../processor/runtime/model/load-model.js";
import { runCases } from "../../../../processor/runtime/run/run-cases.js";
import { openPool } from "../../../../processor/runtime/threads/open-pool.js";
import { testSettings } from "../../../support/model/convert.js";
import { type GoldenCase, withGoldenCase } from "../../../support/model/golden-case.js";
import { neverStopped } from "../../../support/never-stopped.js";

const scratch = mkdtempSync(join(tmpdir(), "run-cases-"));
const pool = openPool();
afterAll(async () => {
  await pool.close();
  rmSync(scratch, { recursive: true });
});

let networks: NetworkSet | undefined;
afterEach(async () => {
  await networks?.close();
  networks = undefined;
});

interface Steps {
  /** Called when the case's image has been read. */
  readonly onRead: () => void;
  /** Returns the networks with which the case runs. */
  readonly change: (networks: NetworkSet) => NetworkSet;
}

async function runCase({ caseName, inputDir, folder }: GoldenCase, { onRead, change }: Steps) {
  const loaded = await loadModel(folder, null);
  networks = openNetworkSet({
    ...testSettings,
    members: loaded.members,
    inferenceEngine: "onnxruntime",
    threads: null,
    availableBytes: 1e9,
  });
  const inputs = readdirSync(inputDir).map((file) => imageFile(join(inputDir, file)));
  const request = caseRequest(
    { name: caseName, inputs, ending: ".nii.gz" },
    {
      folder: mkdtempSync(join(scratch, "out-")),
      ending: ".nii.gz",
      savesProbabilities: false,
      suffix: null,
      previousStage: null,
      nvidiaOutputs: null,
    },
  );
  const hooks: Hooks = {
    ...noHooks,
    async preProcessImage(image) {
      onRead();
      return image;
    },
  };
  const tools = { pool, hooks, onEvent: ignoreEvents, signal: neverStopped() };
  const opened = { ...loaded, networks: change(networks) };
  return runCases([request], { opened, settings: testSettings, tools }, "overwrite");
}

/** Returns a promise, and a function that resolves it. */
function gate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

describe("the first case of a run", () => {
  test("is read while the networks are loaded", async () => {
    const read = gate();
    const reports = await withGoldenCase("blobs_2d", (golden) =>
      runCase(golden, {
        onRead: read.open,
        // If the case were not read before the networks are there, this would wait for ever.
        change: (set) => ({ ...set, opened: read.opened.then(() => set.opened) }),
      }),
    );
    expect(reports).toMatchObject([{ status: "done", executionProvider: "CPUExecutionProvider" }]);
  });

  test("is read after the engines' times have been measured", async () => {
    const free = gate();
    let isMeasuring = true;
    const wasMeasuring: boolean[] = [];
    const running = withGoldenCase("blobs_2d", (golden) =>
      runCase(golden, {
        onRead: () => wasMeasuring.push(isMeasuring),
        change(set) {
          void set.opened.then(() => {
            isMeasuring = false;
            free.open();
          });
          return { ...set, coresAreFree: free.opened };
        },
      }),
    );
    await running;
    expect(wasMeasuring).toEqual([false]);
  });

  test("does not hide that the networks do not load", async () => {
    const reason = new Error("no network");
    const running = withGoldenCase("blobs_2d", (golden) =>
      runCase(golden, {
        onRead: () => {},
        change: (set) => ({ ...set, opened: set.opened.then(() => Promise.reject(reason)) }),
      }),
    );
    await expect(running).rejects.toBe(reason);
  });
});
