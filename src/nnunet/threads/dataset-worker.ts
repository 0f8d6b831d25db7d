import { serveKernels } from "../../../processor/imaging/threads/serve-kernels.js";
import { datasetKernels } from "./kernels.js";

serveKernels(datasetKernels);
