import { foreignLabels, processorLabels } from "../../processor/contract/labels.js";
import { type TargetKind, targetKinds } from "../../processor/contract/target.js";

/** The places that run images, each by its own rules. */
export type Target = TargetKind;

/**
 * The target that an image was built for, by its labels. grand-challenge's own label counts more than ours, which an
 * image built upon another inherits; without either it is grand-challenge, which asks most.
 */
export function targetOf(labels: Readonly<Record<string, unknown>>): Target {
  if (foreignLabels.apiMethod in labels) return "grand-challenge";
  return targetKinds.find((target) => target === labels[processorLabels.target]) ?? "grand-challenge";
}

/** How a platform runs an image, as far as it can be done at home. */
export interface Platform {
  /** For people. */
  readonly description: string;
  /** Of the machine, when nothing else is said. */
  readonly memoryBytes: number;
  /** What the platform keeps of the machine's memory and takes off RLIMIT_DATA; null where there is no such limit. */
  readonly keptMemoryBytes: number | null;
  readonly environment: readonly string[];
  /** Folders that may be written beside the output and /tmp. */
  readonly writable: readonly string[];
  readonly output: OutputRules;
}

/** What the output must be. */
export interface OutputRules {
  /**
   * Where a segmentation stands: one folder for each kind of image with one image in it; beside others under the
   * input's own file name; or anywhere under the case's name.
   */
  readonly layout: "folder-per-socket" | "same-file-name" | "by-case-name";
  /** Endings of images that the platform takes, with leading dot; null for all that can be read. */
  readonly endings: readonly string[] | null;
  readonly isEightBitOnly: boolean;
}

const gibibyte = 1024 ** 3;

/** A folder of images in, a folder of segmentations out, and nothing more that a host asks. */
const plain: Platform = {
  description: "docker run with /input and /output",
  memoryBytes: 8 * gibibyte,
  keptMemoryBytes: null,
  environment: [],
  writable: [],
  output: { layout: "by-case-name", endings: null, isEightBitOnly: false },
};

export const platforms: Readonly<Record<Target, Platform>> = {
  "grand-challenge": {
    description: "grand-challenge.org's algorithm containers",
    memoryBytes: 8 * gibibyte,
    keptMemoryBytes: gibibyte,
    environment: ["LOG_LEVEL=INFO", "PYTHONUNBUFFERED=1", "no_proxy=amazonaws.com"],
    writable: ["/opt/ml/output/data", "/opt/ml/checkpoints"],
    output: { layout: "folder-per-socket", endings: [".mha", ".tif", ".tiff"], isEightBitOnly: true },
  },
  amos22: {
    description: "AMOS22's second stage",
    memoryBytes: 30 * gibibyte,
    keptMemoryBytes: null,
    environment: ["NVIDIA_VISIBLE_DEVICES=all"],
    writable: [],
    output: { layout: "same-file-name", endings: [".nii.gz"], isEightBitOnly: false },
  },
  sol: { ...plain, description: "SOL: every image of /input to /output/images" },
  plain,
};
