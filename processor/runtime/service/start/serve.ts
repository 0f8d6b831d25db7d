import type { Server } from "node:http";
import { resolve } from "node:path";
import { readTextFile, unreadable } from "../../../files/read-text-file.js";
import { runtimeError } from "../../errors.js";
import { Sessions } from "../access/sessions.js";
import { readTokenFile } from "../access/tokens.js";
import type { OrthancSettings } from "../compat/orthanc.js";
import { createService } from "../create-service.js";
import { dicomExchange } from "../dicom/dicom-exchange.js";
import type { RoutingRule } from "../dicom/routing/routing-rules.js";
import type { OpenEngine } from "../engine/job-engine.js";
import { serviceError } from "../errors.js";
import type { ServedModels } from "../models/served-model.js";
import { DataRoots } from "../requests/data-roots.js";
import type { ServicePlugin } from "../service-context.js";
import { claimFolder } from "./claim-folder.js";
import { localEngineOf, prepareApart, type WorkersOptions } from "./local-workers.js";
import { openMetricsPort } from "./metrics-port.js";
import { openLog } from "./open-log.js";
import { pageFolder } from "./page-folder.js";
import { aborted, prepareModels } from "./prepare-models.js";
import type { ServeSettings } from "./serve-settings.js";

export interface ServeOptions extends WorkersOptions {
  readonly models: ServedModels;
  readonly dicomRules: readonly RoutingRule[];
  /** How long the server may take to make its models ready before it gives up. */
  readonly loadTimeoutMin: number;
  /** Replaces the local engine, for example by a queue; null for the local one. */
  readonly openEngine: OpenEngine | null;
  readonly isInImage: boolean;
  readonly needsMetadata: boolean;
  readonly plugins: readonly ServicePlugin[];
  /** Receives a line for people. */
  readonly note: (line: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Serves until the signal. The job that runs then may finish within the grace.
 *
 * @throws SERVICE_USAGE, FOLDER_IN_USE, PORT_TAKEN
 */
export async function serve(options: ServeOptions): Promise<void> {
  const { settings, note, signal } = options;
  const host = hostOf(options);
  const isLoopback = ["127.0.0.1", "::1", "localhost"].includes(host);
  requireProtection(options, isLoopback);
  const page = pageFolder(settings.pageDir);
  const folder = resolve(settings.outputDir);
  const release = await claimFolder(folder, signal);
  try {
    const tokens = settings.tokenFile === null ? null : await readTokenFile(settings.tokenFile);
    const { logLevel: level, logsDir } = settings;
    const writeLog = await openLog({ level, folder: logsDir, write: options.writeLog });
    const service = await createService({
      ...options,
      writeLog,
      plugins: [...options.plugins, exchangeOf(options, host)],
      folder,
      openEngine: options.openEngine ?? localEngineOf({ ...options, writeLog }),
      access: { tokens, sessions: new Sessions(), corsOrigins: settings.corsOrigins, isLoopback },
      dataRoots: await DataRoots.open(settings.dataRoots),
      limits: settings,
      pageFolder: page,
      trustedProxies: settings.trustedProxies,
      keptResultsMs: settings.keptResultsMs,
      resumesJobs: settings.resumesJobs,
      isDebugging: settings.isDebugging,
      expiresByGet: settings.expiresByGet,
      orthanc: await orthancOf(settings),
      webhooks: {
        url: settings.updateUrl,
        allowedHosts: settings.webhookHosts,
        secret: await secretOf(settings.webhookSecretFile, "webhook-secret-file"),
        pausesMs: webhookPausesMs,
      },
    });
    service.hold("the models are being made ready");
    let metricsServer: Server | null = null;
    const ended = new AbortController();
    try {
      const address = await service.app.listen({ host, port: settings.port }).catch((cause: unknown) => {
        const { code } = cause as NodeJS.ErrnoException;
        throw runtimeError("PORT_TAKEN", `port ${settings.port} cannot be listened on (${code})`, { cause });
      });
      note(`listening on ${address}`);
      if (settings.metricsPort !== null) {
        metricsServer = await openMetricsPort(service.metrics, { host, port: settings.metricsPort });
        note(`metrics on port ${settings.metricsPort}`);
      }
      if (page !== null) note(`open ${address}/ in a browser to segment and review scans`);
      for (const line of protectionNotes(options, isLoopback)) note(line);
      await prepareModels(service, {
        ...options,
        prepareHere: (models, listener) => prepareApart(options, models, { listener, signal: ended.signal }),
      });
      if (!signal.aborted) note("ready");
      await aborted(signal);
      note("stopping; a second signal ends the server at once");
    } finally {
      ended.abort();
      const forget = endAtSecondSignal();
      await service.close(settings.graceMs).finally(forget);
      metricsServer?.close();
      metricsServer?.closeAllConnections();
    }
  } finally {
    await release();
  }
}

/** npx forwards a signal that its program has already received from the terminal. */
const sameSignalMs = 500;

/** Ends the process at the next signal. The next start marks the jobs that were running as interrupted, as after a crash. */
function endAtSecondSignal(): () => void {
  const first = performance.now();
  const end = (): void => {
    if (performance.now() - first > sameSignalMs) process.exit(130);
  };
  const names = ["SIGINT", "SIGTERM"] as const;
  for (const name of names) process.on(name, end);
  return () => {
    for (const name of names) process.off(name, end);
  };
}

async function orthancOf({
  orthancUrl: url,
  orthancCredentialsFile,
}: ServeSettings): Promise<OrthancSettings | null> {
  if (url === null) return null;
  return { url, credentials: await secretOf(orthancCredentialsFile, "orthanc-credentials-file") };
}

/** Five attempts to report the end of a job. */
const webhookPausesMs = [0, 1000, 8000, 60_000, 300_000];

const maxSecretBytes = 4096;

/** @throws SERVICE_USAGE */
async function secretOf(path: string | null, flag: string): Promise<string | null> {
  if (path === null) return null;
  const text = await readTextFile(path, maxSecretBytes).catch((cause: unknown) => {
    throw serviceError("SERVICE_USAGE", `--${flag} ${path}: ${unreadable(cause)}`, { cause });
  });
  return text.trim();
}

/** Receives, returns and sends DICOM objects. */
const exchangeOf = ({ settings: { dicom }, dicomRules, note }: ServeOptions, host: string): ServicePlugin =>
  dicomExchange({
    rules: dicomRules,
    receiver:
      dicom.port === null
        ? null
        : { port: dicom.port, host, aeTitle: dicom.aeTitle, acceptedAes: dicom.acceptedAes },
    peers: dicom.peers,
    callingAe: dicom.aeTitle,
    seriesQuietMs: dicom.seriesQuietMs,
    limits: { maxBytes: dicom.maxStoreBytes, maxInstances: mostInstances },
    keptMs: dicom.keptStudiesMs,
    note,
  });

/** The index of a hundred thousand objects takes about 200 MB of memory. */
const mostInstances = 100_000;

const hostOf = ({ settings: { host }, isInImage }: ServeOptions): string =>
  host ?? (isInImage ? "0.0.0.0" : "127.0.0.1");

function requireProtection({ settings, isInImage }: ServeOptions, isLoopback: boolean): void {
  if (isLoopback || settings.tokenFile !== null || settings.hasNoAuth) return;
  throw serviceError(
    "SERVICE_USAGE",
    `${isInImage ? "an image" : "this address"} can be reached from other machines, but no token protects it: --token-file FILE names a file of tokens, and --no-auth serves everybody who reaches the port`,
  );
}

function protectionNotes({ settings }: ServeOptions, isLoopback: boolean): readonly string[] {
  if (settings.tokenFile !== null) return [];
  return [
    isLoopback
      ? "no token protects this server, so only this machine reaches it"
      : "no token protects this server: everybody who reaches the port may use it",
  ];
}
