import { Sessions } from "../../../processor/runtime/service/access/sessions.js";
import { ServedModels } from "../../../processor/runtime/service/models/served-model.js";
import { testModel } from "./test-model.js";

/** Options of a service with two models on this machine only, without folder, engine, data roots and log. */
export const usualOptions = () => ({
  models: new ServedModels([testModel("organ", { aliases: ["organs"] }), testModel("lesion")]),
  access: { tokens: null, sessions: new Sessions(), corsOrigins: [], isLoopback: true },
  limits: {
    maxUploadBytes: 1 << 20,
    maxVoxels: 1e9,
    maxWaitingJobs: 100,
    maxWaitingJobsOfClient: 100,
    maxDownloads: 10,
    requestsPerMinute: null,
  },
  pageFolder: null,
  trustedProxies: 0,
  keptResultsMs: 1e9,
  resumesJobs: false,
  isDebugging: false,
  expiresByGet: false,
  needsMetadata: true,
  orthanc: null,
  webhooks: { url: null, allowedHosts: [], secret: null, pausesMs: [0] },
  plugins: [],
});
