import { ProcessorError } from "../../../processor/contract/errors.js";
import { createWorkerPool, type WorkerPool } from "../../../processor/imaging/threads/worker-pool.js";
import { type ErrorCode, errorCatalogue } from "../../ground/errors/catalogue.js";
import { type CaseResult, type EvaluateCaseTask, evaluateCase } from "./evaluate-case.js";

/** A result, or an error as plain values, because an error loses its code on the way between threads. */
type Answer =
  | { readonly result: CaseResult }
  | { readonly failure: { readonly code: string; readonly message: string } };

export const evaluationKernels = {
  async evaluateCase(task: EvaluateCaseTask): Promise<Answer> {
    try {
      return { result: await evaluateCase(task) };
    } catch (error) {
      if (!(error instanceof ProcessorError)) throw error;
      return { failure: { code: error.code, message: error.message } };
    }
  },
} as const;

/** Worker threads that each score one case at a time. */
export interface EvaluationPool {
  /** @throws the errors of `evaluateCase` */
  evaluate(task: EvaluateCaseTask): Promise<CaseResult>;
  close(): Promise<void>;
}

export function openEvaluationPool(): EvaluationPool {
  const pool: WorkerPool<{
    readonly evaluateCase: { readonly task: EvaluateCaseTask; readonly result: Answer };
  }> = createWorkerPool(new URL("./evaluation-worker.js", import.meta.url));
  return {
    async evaluate(task) {
      const answer = await pool.run("evaluateCase", task);
      if ("result" in answer) return answer.result;
      const { code, message } = answer.failure;
      throw new ProcessorError(code, errorCatalogue[code as ErrorCode], message);
    },
    close: () => pool.close(),
  };
}
