import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { type EngineEvent, engineEvents } from "../../../src/docker/engine-events.js";

async function events(...chunks: readonly (string | Buffer)[]): Promise<readonly EngineEvent[]> {
  const all: EngineEvent[] = [];
  for await (const event of engineEvents(Readable.from(chunks))) all.push(event);
  return all;
}

test("the engine's lines are read regardless of how the connection splits them", async () => {
  const bytes = Buffer.from('{"stream":"é"}\n\n{"aux":{"ID":"sha256:1"}}\n{"status":"done"}');
  expect(await events(bytes.subarray(0, 12), bytes.subarray(12))).toEqual([
    { stream: "é" },
    { aux: { ID: "sha256:1" } },
    { status: "done" },
  ]);
});

test.each([
  ["<html>", "is not JSON"],
  ["null", "the document should be an object"],
  ['{"stream":7}', "stream should be a text"],
  ['{"error":{}}', "error should be a text"],
  ['{"aux":{"ID":1}}', "aux.ID should be a text"],
])("a line that the engine would not write, %s, is ENGINE_FAILED", async (line, problem) => {
  await expect(events('{"stream":"a"}\n', line)).rejects.toMatchObject({
    code: "ENGINE_FAILED",
    message: expect.stringContaining(problem),
  });
});
