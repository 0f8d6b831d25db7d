import type { Progress, ProgressTask } from "../../processor/contract/progress/progress.js";
import { duration } from "../nnunet/training/duration.js";
import type { Fold } from "../nnunet/training/each-fold.js";
import type { FoldEvent } from "../nnunet/training/train.js";
import type { TrainedEpoch } from "../nnunet/training/training-log.js";
import type { Terminal } from "./terminal.js";

export interface TrainingProgress {
  readonly onEvent: (event: FoldEvent) => void;
  readonly done: () => void;
}

/**
 * Shows the training of several folds: a line for each epoch, on a terminal a bar for each, the cases of the validation, or JSON
 * lines on stdout.
 */
export function trainingProgress(terminal: Terminal, progress: Progress, asJson: boolean): TrainingProgress {
  const bars = new Map<Fold, ProgressTask>();
  const seconds = new Map<Fold, number[]>();
  const trainedBefore = new Set<Fold>();
  const endBar = (fold: Fold): void => {
    bars.get(fold)?.done();
    bars.delete(fold);
  };
  return {
    onEvent(event) {
      const { fold } = event;
      if (asJson) terminal.out(`${JSON.stringify(jsonEvent(event))}\n`);
      switch (event.kind) {
        case "skipped":
          progress.note(`fold ${fold}: finished before`);
          break;
        case "started":
          if (event.state === "not-validated") trainedBefore.add(fold);
          progress.note(`fold ${fold}: ${startedAs[event.state]}; nnU-Net draws ${event.picture}`);
          break;
        case "epoch-started":
          // In a log, the line of each epoch says as much.
          if (bars.has(fold) || !terminal.isInteractive) break;
          bars.set(
            fold,
            progress.start({
              ...total(event),
              before: event.epoch,
              label: `fold ${fold}: training`,
              unit: "epochs",
            }),
          );
          break;
        case "epoch":
          bars.get(fold)?.advance(1);
          seconds.set(fold, [...(seconds.get(fold) ?? []).slice(-19), event.result.seconds]);
          progress.note(epochLine(event.result, event, seconds.get(fold)!));
          break;
        case "trained":
          endBar(fold);
          if (!trainedBefore.has(fold))
            progress.note(`fold ${fold}: trained; now predicting the validation cases`);
          break;
        case "predicting":
          if (!bars.has(fold))
            bars.set(fold, progress.start({ label: `fold ${fold}: validation has begun`, unit: "cases" }));
          bars.get(fold)!.advance(1);
          break;
        case "validated":
          endBar(fold);
          progress.note(`fold ${fold}: mean validation Dice ${event.meanDice.toFixed(4)}`);
          break;
      }
    },
    done: () => {
      for (const fold of [...bars.keys()]) endBar(fold);
    },
  };
}

const total = ({ epochs }: FoldEvent): { readonly total?: number } =>
  epochs === null ? {} : { total: epochs };

const startedAs = {
  new: "training from the beginning",
  interrupted: "continuing from its last checkpoint",
  "not-validated": "trained before; predicting the validation cases",
  finished: "finished",
} as const;

function epochLine(result: TrainedEpoch, { fold, epochs }: FoldEvent, seconds: readonly number[]): string {
  const meanSeconds = seconds.reduce((sum, value) => sum + value, 0) / seconds.length;
  const left = epochs === null ? "" : `, ${duration((epochs - result.epoch - 1) * meanSeconds)} left`;
  const dice = result.pseudoDice.map((value) => (Number.isNaN(value) ? "–" : value.toFixed(3))).join(" ");
  return `fold ${fold}, epoch ${result.epoch}${epochs === null ? "" : ` of ${epochs}`}: train loss ${result.trainLoss}, validation loss ${result.validationLoss}, Dice ${dice}, ${result.seconds} s${left}`;
}

/** NaN is null in JSON. */
const jsonEvent = (event: FoldEvent): object =>
  event.kind === "epoch"
    ? { kind: event.kind, fold: event.fold, epochs: event.epochs, ...event.result }
    : event;
