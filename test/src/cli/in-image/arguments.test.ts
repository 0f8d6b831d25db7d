import { describe, expect, test } from "vitest";
import { wordsInImage } from "../../../../src/cli/in-image/arguments.js";
import { parseServeArguments } from "../../../../src/predict/nnunet-serve/parse-arguments.js";
import { serveRequest } from "../../../../src/predict/nnunet-serve/serve-request.js";

const inImage = (line: string) => serveRequest(wordsInImage(parseServeArguments(line.split(" "))), {});

describe("paths of a command line in an image start from the mounted folders", () => {
  test("in the example of nnunet_serve's README", () => {
    expect(inImage("-i series_1 series_2 -d -M template.json")).toMatchObject({
      seriesPaths: ["/data/input/series_1", "/data/input/series_2"],
      modelPath: "/model",
      outputDir: "/data/output",
      dicom: { isRequired: true, metadataPath: "/metadata/template.json" },
    });
  });

  test("and absolute paths stay", () => {
    expect(inImage("-i /in/a.nii.gz -o /out -m /models/b --log_file log.json")).toMatchObject({
      seriesPaths: ["/in/a.nii.gz"],
      modelPath: "/models/b",
      outputDir: "/out",
      job: { logFile: "/data/output/log.json" },
    });
  });
});
