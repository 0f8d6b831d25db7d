import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { probabilityBands, probabilitySteps } from "../../../processor/dicom-objects/probability-bands.js";
import { caseFolder, probabilitiesOf } from "../../support/dicom/golden-objects.js";

test("probabilities become ten bands, or steps as in nnunet_serve", async () => {
  const { pseudo, fractionalAsSegments } = JSON.parse(
    readFileSync(join(caseFolder("seg", "fractional"), "expected.json"), "utf8"),
  ) as {
    readonly pseudo: { readonly voxels: readonly number[] };
    readonly fractionalAsSegments: { readonly n: number; readonly voxels: Readonly<Record<string, number>> };
  };
  const probabilities = await probabilitiesOf(join(caseFolder("seg", "fractional"), "probabilities.nii.gz"));
  const counts = (labels: Uint8Array) => {
    const found = Array<number>(11).fill(0);
    for (const label of labels) found[label]!++;
    return found.slice(1);
  };
  expect(counts(probabilityBands(probabilities))).toEqual(pseudo.voxels);
  expect(counts(probabilitySteps(probabilities, fractionalAsSegments.n))).toEqual(
    Object.values(fractionalAsSegments.voxels),
  );
});
