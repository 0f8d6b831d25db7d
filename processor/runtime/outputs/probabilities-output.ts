import { writeFileWhole } from "../../files/write-file.js";
import { nibabelAffine } from "../../imaging/formats/nifti/nibabel-affine.js";
import { propertiesFileOf, propertiesPickle } from "../../nnunet-files/properties-pickle.js";
import { propertiesPickleV1 } from "../../nnunet-files/properties-pickle-v1.js";
import type { AnswerFacts, OutputOf, ProbabilityKind } from "./output-kind.js";
import { openProbabilityFile } from "./probability-file.js";

/** nnU-Net's `<case>.npz`, and the `<case>.pkl` next to it that nnU-Net's ensembling reads. */
export const probabilitiesOutput: ProbabilityKind<OutputOf<"probabilities">> = {
  takes: "probabilities",
  files: (path) => [path, propertiesFileOf(path)],
  mayBeAbsent: false,
  async open({ path }, facts) {
    const file = await openProbabilityFile(path, facts);
    return {
      writeSlice: (z, planes) => file.writeSlice(z, planes),
      async finish() {
        await file.finish();
        await writeFileWhole(propertiesFileOf(path), [propertiesOf(facts)]);
      },
      discard: () => file.discard(),
    };
  },
};

function propertiesOf(facts: AnswerFacts): Uint8Array {
  const { nnunetVersion, history, plan, labels, networkSizeZyx, image, inputPlaces } = facts;
  return nnunetVersion === 1
    ? propertiesPickleV1({ history, plan, labels, networkSizeZyx, channelFiles: inputPlaces })
    : propertiesPickle({ imageReader: plan.imageReader, history, image, affine: nibabelAffine(image) });
}
