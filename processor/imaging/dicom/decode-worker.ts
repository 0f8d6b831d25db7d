import { serveKernels } from "../threads/serve-kernels.js";
import { decodeSlice } from "./pixels/decode-slice.js";

serveKernels({ decodeSlice });
