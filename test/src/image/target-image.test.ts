import { describe, expect, test } from "vitest";
import type { GrandChallengeTarget } from "../../../processor/contract/target.js";
import { layerFile } from "../../../src/image/image-plan.js";
import { targetImage } from "../../../src/image/target-image.js";

const main = ["/usr/local/bin/node", "/opt/nnunet-processor/processor/runtime/main.js"];

describe("an image for", () => {
  test.each(["exec", "invoke"] as const)(
    "grand-challenge says its API method, %s, in label and command",
    (apiMethod) => {
      const target: GrandChallengeTarget = {
        kind: "grand-challenge",
        ...{ apiMethod, inputSockets: null, outputSocket: "organ", jsonOutputs: [] },
      };
      const image = targetImage(target, []);
      expect(image.labels["org.grand-challenge.api-method"]).toBe(apiMethod);
      expect([...image.entrypoint, ...image.command]).toEqual([...main, apiMethod]);
      const [file] = image.lastLayers.flatMap(({ entries }) => entries);
      expect(file?.path).toBe("opt/nnunet-processor/target.json");
      expect(file?.kind === "file" && "text" in file.source && JSON.parse(file.source.text)).toEqual({
        targetVersion: 1,
        target,
      });
    },
  );

  test("AMOS22 runs `python run_inference.py` in its working directory, without an entrypoint before it", () => {
    const image = targetImage({ kind: "amos22" }, [layerFile("usr/bin/python", { file: "/python" }, 0o755)]);
    expect(image).toMatchObject({
      workingDir: "/workspace",
      entrypoint: [],
      command: ["python", "run_inference.py"],
    });
    const paths = image.firstLayers.flatMap(({ entries }) => entries).map(({ path }) => path);
    expect(paths).toEqual([
      "usr/bin/python",
      "workspace",
      "workspace/input",
      "workspace/output",
      "workspace/run_inference.py",
    ]);
  });

  test("a plain host is as it always was", () => {
    expect(targetImage({ kind: "plain" }, [])).toMatchObject({
      ...{ firstLayers: [], lastLayers: [], workingDir: "/", entrypoint: main, command: [], env: {} },
    });
  });
});
