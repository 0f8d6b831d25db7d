import { serveKernels } from "../../imaging/threads/serve-kernels.js";
import { runtimeKernels } from "./kernels.js";

serveKernels(runtimeKernels);
