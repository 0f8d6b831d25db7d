import { serveKernels } from "../../../processor/imaging/threads/serve-kernels.js";
import { evaluationKernels } from "./evaluation-pool.js";

serveKernels(evaluationKernels);
