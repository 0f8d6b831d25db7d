import { expect, test } from "vitest";
import type { PrepareEvent } from "../../../../processor/runtime/service/engine/job-engine.js";
import { ServedModels } from "../../../../processor/runtime/service/models/served-model.js";
import { prepareModels } from "../../../../processor/runtime/service/start/prepare-models.js";
import { neverStopped } from "../../../support/never-stopped.js";
import { openTestEngine } from "../../../support/service/test-engine.js";
import { testModel, testService } from "../../../support/service/test-service.js";

const headers = { host: "localhost" };

test("a model is shown as loading until it is ready, or until it fails", async () => {
  const models = new ServedModels([
    testModel("organ"),
    testModel("lesion"),
    testModel("lost", { path: null, error: "its folder is missing" }),
  ]);
  let end = (): void => {};
  const prepared = new Promise<void>((resolve) => {
    end = resolve;
  });
  const listeners: ((event: PrepareEvent) => void)[] = [];
  const service = await testService({
    models,
    openEngine: (listener) =>
      Promise.resolve({
        ...openTestEngine(listener),
        prepare: (_, onEvent) => {
          listeners.push(onEvent);
          return prepared;
        },
      }),
  });
  service.hold("the models are being made ready");
  const statesOf = async () => {
    const { models: all } = (await service.app.inject({ url: "/v1/models", headers })).json();
    const { models: states } = (await service.app.inject({ url: "/readyz", headers })).json();
    const probe = await service.app.inject({ url: "/v2/models/organ/ready", headers });
    const shown = all.map(({ id, state }: { id: string; state: string }) => [id, state]);
    expect(Object.fromEntries(shown)).toEqual(states);
    expect(probe.statusCode).toBe(states.organ === "ready" ? 200 : 503);
    return states;
  };
  const preparing = prepareModels(service, {
    models,
    loadTimeoutMin: 1,
    note: () => {},
    signal: neverStopped(),
  });
  expect(await statesOf()).toEqual({ organ: "loading", lesion: "loading", lost: "missing" });
  listeners[0]!({ kind: "prepared", modelId: "organ", folder: "/converted" });
  expect(await statesOf()).toEqual({ organ: "ready", lesion: "loading", lost: "missing" });
  const error = { code: "PLANS_INVALID", message: "no", help: "" };
  listeners[0]!({ kind: "unprepared", modelId: "lesion", error });
  end();
  await preparing;
  expect(await statesOf()).toEqual({ organ: "ready", lesion: "failed", lost: "missing" });
});
