import { locateConverted, obtainNothing } from "./locate-model.js";
import { serveJobs } from "./worker-program.js";

serveJobs({ locate: locateConverted, obtain: obtainNothing });
