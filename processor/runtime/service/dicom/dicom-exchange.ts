import { join } from "node:path";
import type { ServicePlugin } from "../service-context.js";
import { openReceiver } from "./dimse/receiver.js";
import type { ReceiverOptions } from "./dimse/receiver-options.js";
import type { DicomPeer } from "./dimse/sender.js";
import { exchangeError } from "./errors.js";
import type { RoutingRule } from "./routing/routing-rules.js";
import { ResultSender } from "./routing/send-results.js";
import { SeriesJobs } from "./routing/series-jobs.js";
import { SeriesWatch } from "./routing/series-watch.js";
import { InstanceStore, type StoreLimits } from "./store/instance-store.js";
import { addDicomWeb } from "./web/dicomweb.js";

export interface DicomExchangeOptions {
  readonly rules: readonly RoutingRule[];
  /** Null to receive nothing by C-STORE. */
  readonly receiver: Pick<ReceiverOptions, "aeTitle" | "acceptedAes" | "host" | "port"> | null;
  readonly peers: ReadonlyMap<string, DicomPeer>;
  readonly callingAe: string;
  readonly seriesQuietMs: number;
  readonly limits: StoreLimits;
  /** How long a study is kept after its last object. */
  readonly keptMs: number;
  /** Receives a line for people. */
  readonly note: (line: string) => void;
}

const idleMs = 60_000;
const hourMs = 3_600_000;
/** The time before a series that could not be segmented yet is tried again. */
const againMs = 5000;
const retriesMs = [5000, 30_000, 120_000, 600_000];

/**
 * Exchanges DICOM objects: DICOMweb, a receiver of C-STORE, and rules by which a series that has arrived is segmented and
 * its results are sent.
 *
 * @throws DICOM_RULES_INVALID for a rule that names an unknown model or peer
 */
export function dicomExchange(options: DicomExchangeOptions): ServicePlugin {
  return async (app, context) => {
    const { rules, note } = options;
    checkRules(options, (model) => context.models.find(model) !== null);
    const trouble = (error: unknown): void =>
      context.writeLog(
        JSON.stringify({
          time: new Date().toISOString(),
          level: "error",
          message: `DICOM: ${error instanceof Error ? error.message : String(error)}`,
        }),
      );
    const store = await InstanceStore.open(join(context.folder, "dicom"), options.limits);
    const sender = new ResultSender({
      peers: options.peers,
      callingAe: options.callingAe,
      retriesMs,
      onTrouble: trouble,
    });
    const series = new SeriesJobs({
      store,
      rules,
      context,
      send: (to, results) => sender.send(to, results),
      onTrouble: trouble,
    });
    const watch = new SeriesWatch({
      store,
      quietMs: options.seriesQuietMs,
      onComplete: (complete) =>
        void series.start(complete).catch((error: unknown) => {
          trouble(error);
          // A queue that is full has room later, and a model that is being fetched is there later.
          if (isPassing(error)) watch.expect(complete.study, complete.uid, againMs);
        }),
    });
    // What arrived just before the server ended was not segmented.
    if (rules.length > 0)
      for (const study of store.studies())
        for (const found of store.seriesOf(study))
          if (!series.isCovered(found)) watch.expect(found.study, found.uid);
    await addDicomWeb(app, {
      store,
      maxUploadBytes: context.limits.maxUploadBytes,
      onWholeStudy: (study) => watch.finishStudy(study),
    });
    const receiver =
      options.receiver === null
        ? null
        : await openReceiver({
            ...options.receiver,
            store,
            maxInstanceBytes: context.limits.maxUploadBytes,
            idleMs,
            onTrouble: trouble,
          });
    if (receiver !== null) note(`receiving DICOM objects on port ${receiver.port}`);
    const sweep = (): void => void store.sweep(Date.now() - options.keptMs).catch(trouble);
    sweep();
    const sweeping = setInterval(sweep, hourMs);
    sweeping.unref();
    app.addHook("onClose", async () => {
      clearInterval(sweeping);
      watch.close();
      sender.close();
      await receiver?.close();
    });
  };
}

const isPassing = (error: unknown): boolean =>
  ["QUEUE_FULL", "NOT_READY"].includes(String((error as { readonly code?: unknown }).code));

function checkRules(
  { rules, peers }: Pick<DicomExchangeOptions, "rules" | "peers">,
  isModel: (name: string) => boolean,
): void {
  const faults = rules.flatMap(({ model, sendTo }, i) => [
    ...(isModel(model) ? [] : [`dicom_rules[${i}].model: there is no model ${model}`]),
    ...(sendTo === null || peers.has(sendTo) || isAddress(sendTo)
      ? []
      : [
          `dicom_rules[${i}].send_to: ${sendTo} is neither a peer (--dicom-peer) nor the address of a DICOMweb service`,
        ]),
  ]);
  if (faults.length > 0) throw exchangeError("DICOM_RULES_INVALID", faults.join("; "));
}

const isAddress = (text: string): boolean => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
