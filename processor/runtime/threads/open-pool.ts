import { createWorkerPool } from "../../imaging/threads/worker-pool.js";
import type { RuntimePool, RuntimeTasks } from "./kernels.js";

/** Opens a pool whose workers know every kernel of the runtime. */
export const openPool = (size?: number): RuntimePool =>
  createWorkerPool<RuntimeTasks>(new URL("./kernel-worker.js", import.meta.url), size);
