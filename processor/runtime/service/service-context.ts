import type { FastifyInstance } from "fastify";
import type { AccessRules } from "./access/authenticate.js";
import type { OrthancSettings } from "./compat/orthanc.js";
import type { OpenEngine } from "./engine/job-engine.js";
import type { DownloadSlots } from "./files/download-slots.js";
import type { GpuWatch } from "./gpu-watch.js";
import type { Jobs } from "./jobs/jobs.js";
import type { ServedModels } from "./models/served-model.js";
import type { DataRoots } from "./requests/data-roots.js";
import type { UploadStore } from "./uploads/upload-store.js";
import type { WebhookSettings } from "./webhooks/webhook-rules.js";

/** How much the service takes at once. */
export interface ServiceLimits {
  readonly maxUploadBytes: number;
  /** The most voxels of one file. */
  readonly maxVoxels: number;
  readonly maxWaitingJobs: number;
  readonly maxWaitingJobsOfClient: number;
  readonly maxDownloads: number;
  /** The most requests per minute that one address may send to routes that start a job; null for any number. */
  readonly requestsPerMinute: number | null;
  /** The longest time for which a client may send nothing in the middle of a request; half a minute if absent. */
  readonly silenceMs?: number;
  /** The longest time for which a client may read nothing of a download; a minute if absent. */
  readonly readingSilenceMs?: number;
}

/** Everything that the service is made from. */
export interface ServiceOptions {
  /** The folder of jobs and uploads, which belongs to this server alone. */
  readonly folder: string;
  readonly models: ServedModels;
  readonly openEngine: OpenEngine;
  readonly access: AccessRules;
  readonly dataRoots: DataRoots;
  readonly limits: ServiceLimits;
  /** The built web page; null for none. */
  readonly pageFolder: string | null;
  /** The number of proxies whose `X-Forwarded-For` counts. */
  readonly trustedProxies: number;
  readonly keptResultsMs: number;
  readonly resumesJobs: boolean;
  readonly isDebugging: boolean;
  /** True if `GET /expire` works as in nnunet_serve. */
  readonly expiresByGet: boolean;
  /** True if models without metadata cannot write DICOM, as in nnunet_serve. */
  readonly needsMetadata: boolean;
  /** Null if `/infer_orthanc` is off. */
  readonly orthanc: OrthancSettings | null;
  /** Sends the end of jobs to other programs. */
  readonly webhooks: WebhookSettings;
  readonly plugins: readonly ServicePlugin[];
  /** Receives lines of JSON. */
  readonly writeLog: (line: string) => void;
}

/** What the routes of the service work with. */
export interface ServiceContext extends ServiceOptions {
  readonly jobs: Jobs;
  readonly uploads: UploadStore;
  readonly downloads: DownloadSlots;
  readonly gpus: GpuWatch;
  /** Receives an error that is a fault of this program. */
  readonly onTrouble: (error: unknown) => void;
  /** Returns whether the server takes jobs. */
  readonly readiness: () => Readiness;
}

export interface Readiness {
  readonly isReady: boolean;
  /** Why not; null if it is. */
  readonly reason: string | null;
}

/** Adds routes to the service. */
export type ServicePlugin = (app: FastifyInstance, context: ServiceContext) => Promise<void> | void;
