import type { InstanceStore } from "../store/instance-store.js";

export interface ReceiverOptions {
  /** The name of this side. */
  readonly aeTitle: string;
  /** The names of those who may send; null for anybody. */
  readonly acceptedAes: readonly string[] | null;
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  readonly store: InstanceStore;
  readonly maxInstanceBytes: number;
  /** A connection on which nothing happens for this time is closed. */
  readonly idleMs: number;
  /** Receives what went wrong on a connection, without names of patients. */
  readonly onTrouble: (line: string) => void;
}
