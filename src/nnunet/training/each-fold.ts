import { ProcessorError } from "../../../processor/contract/errors.js";

export type Fold = number | "all";

export interface FoldResults {
  readonly trained: readonly Fold[];
  /** Folds that were finished before. */
  readonly skipped: readonly Fold[];
  readonly failed: readonly { readonly fold: Fold; readonly error: unknown }[];
}

export interface FoldsToTrain {
  readonly folds: readonly Fold[];
  /** GPUs to spread the folds over, one fold each; empty for the GPU that CUDA takes. */
  readonly gpus: readonly number[];
  readonly signal: AbortSignal;
}

/** @returns false if the fold was finished before */
export type TrainOne = (fold: Fold, gpu: number | null, onBegin: () => void) => Promise<boolean>;

/**
 * Trains each fold, as many at a time as there are GPUs. If one fails, the others are trained all the same.
 *
 * The others begin after the first epoch of the first one has: before it, nnU-Net writes the splits, v1 also unpacks the
 * cases, and two trainings at once would read each other's half-written files.
 *
 * @throws the reason of a stop; TRAINER_NOT_FOUND, because the other folds would fail alike
 */
export async function eachFold(
  { folds, gpus, signal }: FoldsToTrain,
  trainOne: TrainOne,
): Promise<FoldResults> {
  const waiting = [...folds];
  const result = {
    trained: [] as Fold[],
    skipped: [] as Fold[],
    failed: [] as { fold: Fold; error: unknown }[],
  };
  const slots: readonly (number | null)[] = gpus.length === 0 ? [null] : gpus;
  let letOthersBegin = (): void => {};
  const firstBegan = new Promise<void>((resolve) => {
    letOthersBegin = resolve;
  });
  const trainNext = async (gpu: number | null): Promise<void> => {
    for (let fold = waiting.shift(); fold !== undefined; fold = waiting.shift()) {
      signal.throwIfAborted();
      try {
        const isTrained = await trainOne(fold, gpu, letOthersBegin);
        (isTrained ? result.trained : result.skipped).push(fold);
        if (isTrained) letOthersBegin();
      } catch (error) {
        letOthersBegin();
        if (signal.aborted || isMissingProgram(error)) throw error;
        result.failed.push({ fold, error });
      }
    }
    letOthersBegin();
  };
  await Promise.all(
    slots.map(async (gpu, i) => {
      if (i > 0) await firstBegan;
      await trainNext(gpu);
    }),
  );
  return result;
}

const isMissingProgram = (error: unknown): boolean =>
  error instanceof ProcessorError && error.code === "TRAINER_NOT_FOUND";
