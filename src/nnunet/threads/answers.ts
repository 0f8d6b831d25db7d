import { ProcessorError } from "../../../processor/contract/errors.js";
import { systemError } from "../../../processor/files/system-error.js";
import { memoryError } from "../../../processor/runtime/run/memory-limit.js";
import { errorCatalogue } from "../../ground/errors/catalogue.js";

/** The answer of a worker. An error of the catalogue would lose its class on the way between threads. */
export type Answer<T> =
  | { readonly value: T }
  | { readonly failure: { readonly code: string; readonly message: string } };

/** Makes a function answer with its failure instead of throwing it. A bug is still thrown. */
export const answering =
  <Task, T>(work: (task: Task) => Promise<T>) =>
  async (task: Task): Promise<Answer<T>> => {
    try {
      return { value: await work(task) };
    } catch (thrown) {
      const error = systemError(memoryError(thrown));
      if (!(error instanceof ProcessorError)) throw error;
      return { failure: { code: error.code, message: error.message } };
    }
  };

/**
 * Returns the value of an answer.
 *
 * @throws the worker's error
 */
export function answered<T>(answer: Answer<T>): T {
  if ("value" in answer) return answer.value;
  const { code, message } = answer.failure;
  throw new ProcessorError(code, errorCatalogue[code as keyof typeof errorCatalogue], message);
}
