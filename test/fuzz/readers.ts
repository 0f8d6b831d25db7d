import { batchReaders } from "./readers/batch-readers.js";
import { configReaders } from "./readers/config-readers.js";
import { containerReaders } from "./readers/container-readers.js";
import { dicomReaders } from "./readers/dicom-readers.js";
import { exchangeReaders } from "./readers/exchange-readers.js";
import type { FuzzedReader } from "./readers/fuzzed-reader.js";
import { imageReaders } from "./readers/image-readers.js";
import { modelReaders } from "./readers/model-readers.js";
import { processorReaders } from "./readers/processor-readers.js";
import { serviceReaders } from "./readers/service-readers.js";
import { toolReaders } from "./readers/tool-readers.js";
import { trainingReaders } from "./readers/training-readers.js";

/** Every reader of untrusted files, by its name for `--reader`. */
export const fuzzedReaders: Readonly<Record<string, FuzzedReader>> = {
  ...imageReaders,
  ...dicomReaders,
  ...exchangeReaders,
  ...modelReaders,
  ...configReaders,
  ...containerReaders,
  ...processorReaders,
  ...toolReaders,
  ...trainingReaders,
  ...serviceReaders,
  ...batchReaders,
};
