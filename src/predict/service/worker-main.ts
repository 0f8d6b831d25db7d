import { serveJobs } from "../../../processor/runtime/service/engine/worker-program.js";
import { locateTrained } from "./locate-trained.js";
import { obtainModel } from "./obtain-model.js";

serveJobs({ locate: locateTrained, obtain: obtainModel });
