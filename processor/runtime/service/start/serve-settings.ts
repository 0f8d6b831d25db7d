import { totalmem } from "node:os";
import { serviceError } from "../errors.js";
import { type DicomServeSettings, dicomSettings } from "./dicom-serve-settings.js";
import { type LogLevel, logLevels } from "./open-log.js";
import { type ServeFlag, serveFlags } from "./serve-flags.js";

/** What a server was started with. */
export interface ServeSettings {
  readonly spec: string | null;
  readonly modelFolder: string | null;
  readonly host: string | null;
  readonly port: number;
  readonly metricsPort: number | null;
  readonly outputDir: string;
  readonly dataRoots: readonly string[];
  readonly tokenFile: string | null;
  readonly hasNoAuth: boolean;
  readonly device: "auto" | "cpu" | "cuda";
  /** Null for the GPU with the most free memory. */
  readonly gpus: readonly number[] | null;
  /** The Redis whose queue takes the jobs; null to compute them here. */
  readonly redis: string | null;
  readonly queue: string;
  readonly threads: number | null;
  readonly gpuWaitMs: number;
  readonly modelMemoryBytes: number;
  readonly maxUploadBytes: number;
  readonly maxVoxels: number;
  readonly maxWaitingJobs: number;
  readonly maxWaitingJobsOfClient: number;
  readonly maxDownloads: number;
  /** Null for any number. */
  readonly requestsPerMinute: number | null;
  readonly keptResultsMs: number;
  readonly resumesJobs: boolean;
  readonly graceMs: number;
  readonly updateUrl: string | null;
  readonly webhookHosts: readonly string[];
  readonly webhookSecretFile: string | null;
  readonly corsOrigins: readonly string[];
  readonly trustedProxies: number;
  readonly orthancUrl: string | null;
  readonly orthancCredentialsFile: string | null;
  readonly dicom: DicomServeSettings;
  readonly expiresByGet: boolean;
  readonly pageDir: string | null;
  readonly cacheDir: string | null;
  readonly isDebugging: boolean;
  readonly logsDir: string | null;
  readonly logLevel: LogLevel;
}

/** The values of flags as a command line has them. */
export type FlagValues = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Completes the flags of a command line with environment variables and defaults, and checks them. All faults are reported
 * at once.
 *
 * @throws SERVICE_USAGE
 */
export function serveSettings(values: FlagValues, environment: Environment): ServeSettings {
  const faults: string[] = [];
  const read = new Reader(values, environment, faults);
  const device = read.text("device")!;
  if (!["auto", "cpu", "cuda"].includes(device))
    faults.push(`--device must be auto, cpu or cuda, but is ${device}`);
  const tokenFile = read.text("token-file");
  const hasNoAuth = read.isOn("no-auth");
  if (tokenFile !== null && hasNoAuth) faults.push("--token-file and --no-auth cannot be used together");
  const maxWaitingJobs = read.number("max-queue")!;
  const corsOrigins = read.list("cors-origin");
  faults.push(...originFaults(corsOrigins, tokenFile));
  const perMinute = read.number("requests-per-minute")!;
  const settings: ServeSettings = {
    spec: read.text("spec"),
    modelFolder: read.text("model-folder"),
    host: read.text("host"),
    port: read.port("port")!,
    metricsPort: read.port("metrics-port"),
    outputDir: read.text("output-dir")!,
    dataRoots: read.list("data-root"),
    tokenFile,
    hasNoAuth,
    device: device as ServeSettings["device"],
    gpus: gpusOf(read, faults),
    redis: read.text("redis"),
    queue: read.text("queue")!,
    threads: read.number("threads"),
    gpuWaitMs: read.duration("gpu-wait"),
    modelMemoryBytes: read.bytes("model-memory") ?? totalmem() / 2,
    maxUploadBytes: read.bytes("max-upload")!,
    maxVoxels: read.number("max-voxels") ?? Math.floor(totalmem() / bytesPerVoxel),
    maxWaitingJobs,
    maxWaitingJobsOfClient: read.number("max-queue-of-client") ?? maxWaitingJobs,
    maxDownloads: read.number("max-downloads")!,
    requestsPerMinute: perMinute === 0 ? null : perMinute,
    keptResultsMs: read.duration("keep-results"),
    resumesJobs: read.isOn("resume"),
    graceMs: read.duration("grace"),
    updateUrl: read.address("update-url"),
    webhookHosts: read.list("webhook-allow"),
    webhookSecretFile: read.text("webhook-secret-file"),
    corsOrigins,
    trustedProxies: read.number("trust-proxy")!,
    orthancUrl: read.address("orthanc-url"),
    orthancCredentialsFile: read.text("orthanc-credentials-file"),
    dicom: dicomSettings(read, faults),
    expiresByGet: read.isOn("compat-get-expire"),
    pageDir: read.text("page-dir"),
    cacheDir: read.text("cache-dir"),
    isDebugging: environment["DEBUG"] === "1",
    logsDir: read.text("logs-dir"),
    logLevel: logLevelOf(read.text("log-level")!, faults),
  };
  if (settings.redis !== null && settings.gpus !== null)
    faults.push("--gpu and --gpus have no effect with --redis; give them to `batch worker`");
  if (faults.length > 0) throw serviceError("SERVICE_USAGE", faults.join("; "));
  return settings;
}

/** Room for a voxel in numbers of 4 bytes: of the image, of the image on the network's grid, of the sums of several classes, and of the result. */
const bytesPerVoxel = 32;

function logLevelOf(text: string, faults: string[]): LogLevel {
  const found = logLevels.find((level) => level === text.toLowerCase());
  if (found === undefined) faults.push(`--log-level must be one of ${logLevels.join(", ")}, but is ${text}`);
  return found ?? "info";
}

function originFaults(origins: readonly string[], tokenFile: string | null): readonly string[] {
  return origins.flatMap((origin) => {
    if (origin === "*")
      return [
        `--cors-origin * lets every web page in${tokenFile === null ? "" : ", which tokens are to prevent"}; name each origin`,
      ];
    if (URL.canParse(origin) && new URL(origin).origin === origin) return [];
    return [`--cors-origin must be an origin such as https://pacs.example, but is ${origin}`];
  });
}

function gpusOf(read: Reader, faults: string[]): readonly number[] | null {
  const one = read.number("gpu");
  const several = read.list("gpus");
  if (one !== null && several.length > 0) faults.push("--gpu and --gpus cannot be used together");
  const numbers = several.map(Number);
  if (!several.every((word) => /^\d{1,3}$/.test(word)) || new Set(numbers).size < numbers.length)
    faults.push(`--gpus must be different numbers such as 0,1, but is ${several.join(",")}`);
  if (one !== null) return [one];
  return several.length > 0 ? numbers : null;
}

const units: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

/** Reads values by the name of their flag. */
class Reader {
  readonly #values: FlagValues;
  readonly #environment: Environment;
  readonly #faults: string[];

  constructor(values: FlagValues, environment: Environment, faults: string[]) {
    this.#values = values;
    this.#environment = environment;
    this.#faults = faults;
  }

  text(name: string): string | null {
    const given = this.#values[name];
    if (typeof given === "string") return given;
    if (typeof given === "number") return String(given);
    const { variables, default: usual } = flagOf(name);
    const variable = variables.find((found) => (this.#environment[found] ?? "") !== "");
    return variable === undefined ? usual : this.#environment[variable]!;
  }

  isOn(name: string): boolean {
    return this.#values[name] === true;
  }

  list(name: string): readonly string[] {
    const given = this.#values[name];
    const words = Array.isArray(given) ? (given as readonly string[]) : [this.text(name) ?? ""];
    return words.flatMap((word) => String(word).split(",")).filter((word) => word !== "");
  }

  number(name: string): number | null {
    const text = this.text(name);
    if (text === null) return null;
    if (/^\d{1,9}$/.test(text)) return Number(text);
    this.#faults.push(`--${name} must be a whole number, but is ${text}`);
    return 0;
  }

  port(name: string): number | null {
    const port = this.number(name);
    if (port !== null && port > 65_535) this.#faults.push(`--${name} must be 0 to 65535, but is ${port}`);
    return port;
  }

  duration(name: string): number {
    const text = this.text(name)!;
    const [, number, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|min|h|d)$/.exec(text) ?? [];
    if (number !== undefined) return Number(number) * units[unit!]!;
    this.#faults.push(`--${name} must be a time such as 30s, 5min, 12h or 7d, but is ${text}`);
    return 0;
  }

  bytes(name: string): number | null {
    const text = this.text(name);
    if (text === null) return null;
    const [, number, unit] = /^(\d+(?:\.\d+)?)([kmgt]?i?b)$/i.exec(text) ?? [];
    if (number !== undefined) return Math.floor(Number(number) * units[unit!.toLowerCase()]!);
    this.#faults.push(`--${name} must be a size such as 500MB or 4GB, but is ${text}`);
    return 0;
  }

  address(name: string): string | null {
    const text = this.text(name);
    if (text === null || (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol))) return text;
    this.#faults.push(`--${name} must be an address that starts with https:// or http://`);
    return null;
  }
}

const flagOf = (name: string): ServeFlag => serveFlags.find((found) => found.name === name)!;
