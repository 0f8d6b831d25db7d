import { serveKernels } from "../../../processor/imaging/threads/serve-kernels.js";
import { toolKernels } from "./tool-kernels.js";

serveKernels(toolKernels);
