import { expect, test } from "vitest";
import { loadNativeCalls } from "../../../processor/files/native-calls.js";

// Under `ulimit -d`, sixteen threads with 16 MiB each ended the program, although all they needed was libdeflate.
test("a thread that calls small functions takes little memory for their stack", () => {
  expect(loadNativeCalls().config().sync_stack_size).toBeLessThanOrEqual(2 ** 21);
});
