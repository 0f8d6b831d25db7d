import { locateConverted } from "./locate-model.js";
import { serveJobs } from "./worker-program.js";

serveJobs(locateConverted);
