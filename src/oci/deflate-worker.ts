import { serveKernels } from "../../processor/imaging/threads/serve-kernels.js";
import { deflatePiece } from "./deflate-piece.js";

/** What the threads of `adaptiveGzip` compute. */
export const deflateKernels = { deflate: deflatePiece };

serveKernels(deflateKernels);
