import { expect, test } from "vitest";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { statusOfFailure, statusOfSuccess } from "../../../src/predict/nnunet-serve/job-status.js";
import { jobWishes } from "../../../src/predict/nnunet-serve/job-words.js";

const job = jobWishes(
  new Map([
    ["job_id", ["7"]],
    ["success_message", ["ok"]],
    ["failure_message", ["bad"]],
  ]),
);

test("a job that the user stops says so in the words of nnunet_serve", () => {
  expect(statusOfFailure(job, sharedError("INTERRUPTED", "stopped by SIGINT"))).toEqual({
    ...{ job_id: "7", status: "bad", output_log: "" },
    output_error: "User interrupted execution",
  });
});

test("a job that finds nothing has another status", () => {
  expect(statusOfSuccess(job, "segmentation")).toMatchObject({ status: "ok", output_log: "" });
  expect(statusOfSuccess(job, "empty")).toMatchObject({
    ...{ status: "ok_no_output", output_log: "No lesion detected", output_error: "" },
  });
});
