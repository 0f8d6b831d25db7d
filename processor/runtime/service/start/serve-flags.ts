/** A flag of `serve`. */
export interface ServeFlag {
  readonly name: string;
  /** How its value is written. A list is a flag that may be repeated, or has commas. */
  readonly form: "text" | "number" | "list" | "switch" | "bytes" | "duration";
  readonly placeholder: string;
  /** Environment variables with the same meaning; the first one that is set counts. */
  readonly variables: readonly string[];
  /** As it is written; null for none. */
  readonly default: string | null;
  readonly about: string;
}

const flag = (
  name: string,
  form: ServeFlag["form"],
  placeholder: string,
  about: string,
  more: Partial<Pick<ServeFlag, "variables" | "default">> = {},
): ServeFlag => ({ name, form, placeholder, about, variables: [], default: null, ...more });

/** Every flag of `serve`, in the order of its help. The command line, the help and the reference follow from it. */
export const serveFlags: readonly ServeFlag[] = [
  flag("spec", "text", "FILE", "file that names the models", { variables: ["MODEL_SERVE_SPEC"] }),
  flag("model-folder", "text", "DIR", "folder of the models, instead of the file's model_folder", {
    variables: ["OVERRIDE_MODEL_FOLDER"],
  }),
  flag("host", "text", "ADDRESS", "address to listen on (default 127.0.0.1; in an image 0.0.0.0)", {
    variables: ["UVICORN_HOST"],
  }),
  flag("port", "number", "N", "port to listen on; 0 for any free one", {
    variables: ["NNUNET_SERVE_PORT", "UVICORN_PORT"],
    default: "12345",
  }),
  flag("metrics-port", "number", "N", "further port that answers /metrics alone, without a token"),
  flag("output-dir", "text", "DIR", "folder of uploads, jobs and results", {
    variables: ["NNUNET_OUTPUT_DIR"],
    default: "/tmp/nnunet",
  }),
  flag(
    "data-root",
    "list",
    "DIR",
    "folder whose files requests may name by path; without one, images are uploaded",
  ),
  flag(
    "token-file",
    "text",
    "FILE",
    "file with a line name:scope:token for each client; scopes are read, infer and admin",
  ),
  flag("no-auth", "switch", "", "let everybody who reaches the port do everything"),
  flag("device", "text", "auto|cpu|cuda", "where networks run", { default: "auto" }),
  flag("gpu", "number", "N", "the GPU to use, by its number"),
  flag("gpus", "list", "N,N", "the GPUs to use, each with a job of its own"),
  flag(
    "redis",
    "text",
    "URL",
    "Redis whose queue takes the jobs; `batch worker` computes them, on any machine",
    { variables: ["NNUNET_SERVE_REDIS"] },
  ),
  flag("queue", "text", "NAME", "name of the queue in Redis", { default: "nnunet" }),
  flag("threads", "number", "N", "threads that compute networks on a CPU (default: the cores)"),
  flag("gpu-wait", "duration", "TIME", "the longest that a job waits for free memory of a GPU", {
    default: "120s",
  }),
  flag(
    "model-memory",
    "bytes",
    "SIZE",
    "the most that networks may hold between jobs (default: half of the memory)",
  ),
  flag("max-upload", "bytes", "SIZE", "the most that a client may send at once", { default: "4GB" }),
  flag(
    "max-voxels",
    "number",
    "N",
    "the most voxels of a scan (default: what fits into the memory, with 32 bytes for each)",
  ),
  flag("max-queue", "number", "N", "the most jobs that may wait", { default: "100" }),
  flag(
    "max-queue-of-client",
    "number",
    "N",
    "the most jobs of one client that may wait (default: as --max-queue)",
  ),
  flag("max-downloads", "number", "N", "the most downloads at one time", { default: "64" }),
  flag(
    "requests-per-minute",
    "number",
    "N",
    "the most requests of one address to routes that contain `infer`",
    {
      variables: ["MAX_REQUESTS_PER_MINUTE"],
      default: "10",
    },
  ),
  flag("keep-results", "duration", "TIME", "how long jobs and their files are kept after their end", {
    default: "7d",
  }),
  flag("resume", "switch", "", "repeat jobs once that ran when the server died"),
  flag("grace", "duration", "TIME", "how long a running job may go on when the server is stopped", {
    default: "25s",
  }),
  flag("update-url", "text", "URL", "address that receives the end of every job by POST"),
  flag("webhook-allow", "list", "HOST", "host that requests may name in update_url"),
  flag("webhook-secret-file", "text", "FILE", "file with the key of the header X-Signature-256"),
  flag(
    "cors-origin",
    "list",
    "ORIGIN",
    "web page of another site that may use the server: https://pacs.example",
  ),
  flag("trust-proxy", "number", "N", "number of proxies before the server, whose X-Forwarded-For counts", {
    default: "0",
  }),
  flag("orthanc-url", "text", "URL", "Orthanc that /infer_orthanc reads from and writes to", {
    variables: ["ORTHANC_URL"],
  }),
  flag("orthanc-credentials-file", "text", "FILE", "file with USER:PASSWORD for Orthanc"),
  flag("dicom-port", "number", "N", "port that receives DICOM objects by C-STORE (default: none)"),
  flag("ae-title", "text", "AE", "DICOM name of this server", { default: "NNUNET" }),
  flag(
    "accept-ae",
    "list",
    "AE",
    "DICOM name that may send by C-STORE; needed with --dicom-port, * is anybody",
  ),
  flag("dicom-peer", "list", "NAME=AE@HOST:PORT", "receiver of results that rules name in send_to"),
  flag(
    "series-quiet",
    "duration",
    "TIME",
    "a series is complete when none of its images has come for so long",
    {
      default: "30s",
    },
  ),
  flag(
    "keep-studies",
    "duration",
    "TIME",
    "how long DICOM objects are kept after the last one of their study",
    {
      default: "7d",
    },
  ),
  flag("max-studies", "bytes", "SIZE", "the most that the kept DICOM objects may take", { default: "100GB" }),
  flag("logs-dir", "text", "DIR", "folder that gets a copy of the log, nnunet-serve.log", {
    variables: ["LOGS_DIR"],
  }),
  flag("log-level", "text", "LEVEL", "the lowest level of the log: debug, info, warning, error or critical", {
    variables: ["NNUNET_SERVE_LOGGING_LEVEL"],
    default: "info",
  }),
  flag("compat-get-expire", "switch", "", "let GET /expire free networks, as nnunet_serve does"),
  flag(
    "page-dir",
    "text",
    "DIR",
    "folder of another web page (default: the one that comes with the program)",
  ),
  flag("cache-dir", "text", "DIR", "folder for converted models", { variables: ["NNUNET_CACHE_DIR"] }),
];
