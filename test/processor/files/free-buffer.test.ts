import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { freeBuffer } from "../../../processor/files/free-buffer.js";

test("the memory of a buffer is free in the next turns of the event loop, while the buffer is still in use", async () => {
  const size = 64 << 20;
  const buffer = Buffer.allocUnsafeSlow(size);
  const before = process.memoryUsage().arrayBuffers;
  freeBuffer(buffer);
  for (let turn = 0; turn < 5; turn++) await setImmediate();
  expect(before - process.memoryUsage().arrayBuffers).toBeGreaterThan(size / 2);
  expect(buffer).toHaveLength(0);
});

test("a buffer without bytes needs no memory to be freed", () => {
  const buffer = Buffer.alloc(0);
  freeBuffer(buffer);
  expect(buffer).toHaveLength(0);
});
