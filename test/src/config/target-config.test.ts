import { describe, expect, test } from "vitest";
import { completeConfig } from "../../../src/config/config.js";
import { checkConfig, readConfigSchema } from "../../../src/config/load-config.js";
import { archiveNameOf, completeTarget, tagOf, targetOf } from "../../../src/config/target-config.js";

describe("the target in config.json", () => {
  test("is a plain image unless it says otherwise", () => {
    expect(targetOf(completeConfig({}).target)).toEqual({ kind: "plain" });
  });

  test("of grand-challenge serves by default and takes the only image socket", () => {
    const target = completeTarget({
      target: "grand-challenge",
      grand_challenge: {
        output: "organ-segmentation",
        json_outputs: [{ relative_path: "volumes.json", content: "volumes_ml" }],
      },
    });
    expect(targetOf(target)).toEqual({
      kind: "grand-challenge",
      apiMethod: "invoke",
      inputSockets: null,
      outputSocket: "organ-segmentation",
      jsonOutputs: [{ relativePath: "volumes.json", content: "volumes_ml", label: null }],
    });
  });

  test("needs the output's socket if it is grand-challenge", () => {
    expect(() => targetOf(completeTarget({ target: "grand-challenge" }))).toThrow(/"output": "<slug>"/);
  });

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
    const schema = await readConfigSchema();
    expect(() => checkConfig(json, { path: "config.json", schema })).toThrow(says);
  });
});

describe("the image's name", () => {
  const registry = "registry.example.org/group/";

  test("stands behind the registry, when there is no --tag", () => {
    const target = completeTarget({ target: "sol", registry });
    expect(tagOf(target, undefined)).toBe(
      "registry.example.org/group/nnunet/processor-task{task_id}-{task_name}:{timestamp}",
    );
    expect(tagOf(target, "own:1")).toBe("own:1");
    expect(archiveNameOf(target, "own:1")).toBeNull();
  });

  test("and its archive's name are the team's for AMOS22", () => {
    const target = completeTarget({ target: "amos22", amos22: { team: "ourteam" } });
    expect(tagOf(target, undefined)).toBe("ourteam");
    expect(archiveNameOf(target, "ourteam")).toBe("ourteam-task1.tar.gz");
    const second = completeTarget({ target: "amos22", amos22: { team: "ourteam", task: 2 } });
    expect(archiveNameOf(second, tagOf(second, "other"))).toBe("other-task2.tar.gz");
  });

  test.each(["Our", "our-team", "registry.example.org/team", "team:1"])("for AMOS22 cannot be %s", (tag) => {
    expect(() => tagOf(completeTarget({ target: "amos22" }), tag)).toThrow(/lower-case letters and digits/);
  });

  test("must be given for AMOS22", () => {
    expect(() => tagOf(completeTarget({ target: "amos22" }), undefined)).toThrow(/"team": "<name>"/);
  });
});
