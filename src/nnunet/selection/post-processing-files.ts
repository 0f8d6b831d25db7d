import {
  dict,
  global,
  integer,
  list,
  type Pickled,
  pickleFile,
  tuple,
} from "../../../processor/nnunet-files/pickle-bytes.js";
import { meansJson, type SummaryMeans } from "../evaluation/summary.js";
import { type PythonJson, pythonJson } from "../python-json.js";

/** One step of nnU-Net v2's post-processing: keep the largest component of the union of some labels. */
export interface PostProcessingStep {
  readonly labels: readonly number[];
  /** How nnU-Net's files write the labels. All three mean their union. */
  readonly form: "label" | "region" | "list";
}

const functionName = "remove_all_but_largest_component_from_segmentation";
const moduleName = "nnunetv2.postprocessing.remove_connected_components";

/** Returns postprocessing.pkl: a tuple of the functions, by name, and of their arguments. */
export const postProcessingPickle = (steps: readonly PostProcessingStep[]): Uint8Array =>
  pickleFile(
    tuple([
      list(steps.map(() => global(`${moduleName}.${functionName}`))),
      list(steps.map((step) => dict([["labels_or_regions", pickled(step)]]))),
    ]),
  );

function pickled({ labels, form }: PostProcessingStep): Pickled {
  if (form === "label") return integer(labels[0]!);
  return form === "region" ? tuple(labels.map(integer)) : list(labels.map(integer));
}

/** Returns postprocessing.json, with the means before and after. */
export const postProcessingJson = ({
  before,
  after,
  steps,
}: {
  readonly before: SummaryMeans;
  readonly after: SummaryMeans;
  readonly steps: readonly PostProcessingStep[];
}): string => {
  const content: Record<string, PythonJson> = {
    input_folder: meansJson(before),
    postprocessed: meansJson(after),
    postprocessing_fns: steps.map(() => functionName),
    postprocessing_kwargs: steps.map(({ labels, form }) => ({
      labels_or_regions: form === "label" ? labels[0]! : labels,
    })),
  };
  return pythonJson(content, { sortKeys: true });
};
