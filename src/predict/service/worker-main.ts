import { serveJobs } from "../../../processor/runtime/service/engine/worker-program.js";
import { locateTrained } from "./locate-trained.js";

serveJobs(locateTrained);
