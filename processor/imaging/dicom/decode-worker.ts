import { serveKernels } from "../threads/serve-kernels.js";
import { decodeSlices } from "./pixels/decode-slice.js";

serveKernels({ decodeSlices });
