import { expect, test } from "vitest";
import { isGone, isVanishedImage } from "../../../src/docker/engine-error.js";

/** An answer of the engine, as dockerode reports it. */
const answer = (statusCode: number, message: string): Error =>
  Object.assign(new Error(`(HTTP code ${statusCode}) server error - ${message}`), {
    statusCode,
    json: { message },
  });

const imageId = `sha256:${"44".repeat(32)}`;

test("a removal that lost to another one at the same moment counts as done", () => {
  expect(isGone(answer(500, `unrecognized image ID ${imageId}`))).toBe(true);
  expect(isGone(answer(404, `No such image: ${imageId}`))).toBe(true);
  expect(isGone(answer(500, "no space left on device"))).toBe(false);
  expect(isGone(answer(409, "conflict: unable to delete: image is being used"))).toBe(false);
});

test("a build whose cached image was removed is known by the engine's words", () => {
  expect(isVanishedImage(answer(500, `unable to find image "${imageId}"`))).toBe(true);
  expect(isVanishedImage(answer(500, "layer does not exist"))).toBe(true);
  expect(isVanishedImage(answer(404, "No such image: nnunet-processor/base:latest"))).toBe(false);
});
