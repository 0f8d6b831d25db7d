import { describe, expect, test } from "vitest";
import { completeTarget } from "../../../../src/config/target-config.js";
import { layerFile } from "../../../../src/image/image-plan.js";
import { amos22 } from "../../../../src/targets/amos22/amos22.js";
import { amosImage } from "../../../../src/targets/amos22/image.js";
import { archiveNameFromConfig, imageNameFromConfig } from "../../../../src/targets/targets.js";
import { manifestOf } from "../../../support/targets/manifest-of.js";
import { targetImageContext } from "../../../support/targets/target-image-context.js";

describe("a model", () => {
  test("with several channels is refused before the image is built", () => {
    expect(() => amos22.check({ kind: "amos22" }, manifestOf(["CT", "PET"]))).toThrow(/CT, PET/);
  });

  test("with one channel is accepted, with labels of any size", () => {
    expect(() => amos22.check({ kind: "amos22" }, manifestOf(["CT"], 300))).not.toThrow();
  });
});

describe("an image", () => {
  test("runs `python run_inference.py` in its working directory, without an entrypoint before it", () => {
    const image = amosImage({ kind: "amos22" }, [layerFile("usr/bin/python", { file: "/python" }, 0o755)]);
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

  test("is not built for another machine", async () => {
    const context = { ...targetImageContext, platform: "linux/arm64" } as const;
    await expect(amos22.image({ kind: "amos22" }, context)).rejects.toMatchObject({ code: "USAGE" });
  });
});

describe("the image's name", () => {
  test("and its archive's name are the team's", () => {
    const config = completeTarget({ target: "amos22", amos22: { team: "ourteam" } });
    expect(imageNameFromConfig(config, null)).toBe("ourteam");
    expect(archiveNameFromConfig(config, "ourteam")).toBe("ourteam-task1.tar.gz");
    const second = completeTarget({ target: "amos22", amos22: { team: "ourteam", task: 2 } });
    expect(archiveNameFromConfig(second, imageNameFromConfig(second, "other"))).toBe("other-task2.tar.gz");
  });

  const unnamed = completeTarget({ target: "amos22" });

  test.each(["Our", "our-team", "registry.example.org/team", "team:1"])("cannot be %s", (tag) => {
    expect(() => imageNameFromConfig(unnamed, tag)).toThrow(/lower-case letters and digits/);
  });

  test("must be given", () => {
    expect(() => imageNameFromConfig(unnamed, null)).toThrow(/"team": "<name>"/);
  });
});
