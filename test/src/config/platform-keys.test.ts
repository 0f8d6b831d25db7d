import { describe, expect, test } from "vitest";
import { checkConfig } from "../../../src/config/load-config.js";

describe("a platform's key in config.json", () => {
  test.each([
    [{ target: "grandchallenge" }, "did you mean grand-challenge?"],
    [{ grand_challenge: { inputs: { CT: "ct" } } }, "/grand_challenge"],
    [{ grand_challenge: { output: "../x" } }, "/grand_challenge/output"],
    [
      { grand_challenge: { output: "x", api_methd: "exec" } },
      "/grand_challenge/api_methd: no such key; did you mean api_method?",
    ],
    [{ amos22: { taem: "us" } }, "/amos22/taem: no such key; did you mean team?"],
    [
      {
        grand_challenge: {
          output: "x",
          json_outputs: [{ relative_path: `${"x".repeat(4096)}.json`, content: "volumes_ml" }],
        },
      },
      "must NOT have more than 4096 characters",
    ],
    [
      {
        grand_challenge: {
          output: "x",
          json_outputs: [{ relative_path: "../x.json", content: "volumes_ml" }],
        },
      },
      "/grand_challenge/json_outputs/0/relative_path",
    ],
    [{ amos22: { team: "Our Team" } }, "/amos22/team"],
    [{ amos22: { team: "us", task: 3 } }, "/amos22/task"],
  ])("%j is refused with its place", async (json, says) => {
    expect(() => checkConfig(json, { path: "config.json" })).toThrow(says);
  });
});
