import { describe, expect, test } from "vitest";
import { flagsOf } from "../../../src/cli/command-line.js";
import { ownFlags } from "../../../src/cli/foreign-flags.js";
import { serveOptions } from "../../../src/predict/nnunet-serve/options.js";

const words = [...flagsOf("predict")].map((flag) => flag.replace(/^-+/, ""));
const known = {
  names: words.filter((word) => word.length > 1),
  letters: words.filter((word) => word.length === 1),
};
const inPredict = (line: string): string => ownFlags(line.split(" "), known).join(" ");

describe("predict understands the long names of nnunet_serve", () => {
  test.each([
    { line: "--series_paths a b", becomes: "--input a b" },
    { line: "--model_path m", becomes: "--model-dir m" },
    { line: "--output_dir=o", becomes: "--output=o" },
    { line: "--checkpoint_name best.pth", becomes: "--checkpoint best.pth" },
    { line: "--folds 0 1", becomes: "--folds 0 1" },
    { line: "--series_uid 1.2.3", becomes: "--series 1.2.3" },
    { line: "--b_value 800", becomes: "--b-value 800" },
    { line: "--metadata_path m.json", becomes: "--dicom-metadata m.json" },
    { line: "--rt_struct_output", becomes: "--rt-structure-set" },
    { line: "--tta", becomes: "--use-tta" },
    { line: "--no-tta", becomes: "--no-use-tta" },
    { line: "--disable_tta", becomes: "--disable-tta" },
  ])("$line", ({ line, becomes }) => {
    expect(inPredict(line)).toBe(becomes);
  });

  test("every other option of nnunet_serve has the same name", () => {
    const added = ["docker_image", "help"];
    const translated = [
      ...["series_paths", "model_path", "output_dir", "checkpoint_name", "series_uid", "tta"],
      ...["metadata_path", "rt_struct_output"],
    ];
    for (const { name } of serveOptions) {
      if (added.includes(name) || translated.includes(name)) continue;
      expect(inPredict(`--${name} x`)).toBe(`--${name.replaceAll("_", "-")} x`);
      expect(known.names).toContain(name.replaceAll("_", "-"));
    }
  });
});

describe("short names that mean something else elsewhere get a hint in predict", () => {
  test.each([
    { line: "-m model", says: "--model-dir takes the model's folder" },
    { line: "-t", says: "--task (-d) takes the task's number or name" },
    { line: "-p nnUNetPlans", says: "trainer and plans are chosen by the folder" },
    { line: "-tr nnUNetTrainer", says: "trainer and plans are chosen by the folder" },
    { line: "-ckpt x.pth", says: "`build_processor predict-nnunet-serve` has it" },
    { line: "-M meta.json", says: "`build_processor predict-nnunet-serve` has it" },
    { line: "-S", says: "`build_processor predict-nnunet-serve` has it" },
    { line: "-D", says: "DICOM is recognised without it" },
  ])("$line", ({ line, says }) => {
    expect(() => inPredict(line)).toThrow(says);
  });

  test.each([
    { line: "-d 4 -c 3d_fullres -f 0", becomes: "-d 4 -c 3d_fullres -f 0" },
    { line: "-chk checkpoint_best.pth", becomes: "--checkpoint checkpoint_best.pth" },
  ])("$line is nnU-Net's, with the same meaning", ({ line, becomes }) => {
    expect(inPredict(line)).toBe(becomes);
  });
});
