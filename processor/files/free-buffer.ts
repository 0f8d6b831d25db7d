import { MessageChannel } from "node:worker_threads";

/**
 * Frees the memory of a buffer in this turn of the event loop or the next; the buffer then has no bytes. Garbage collection may
 * leave hundreds of megabytes for seconds, because V8 sees only the small object that stands for them.
 *
 * @param buffer has memory of its own, such as one of `Buffer.allocUnsafeSlow`
 */
export function freeBuffer({ buffer, length }: Buffer): void {
  if (length === 0) return;
  const { port1, port2 } = new MessageChannel();
  port2.close();
  // A message that nobody can receive is dropped, and the memory that it owns with it.
  port1.postMessage(null, [buffer as ArrayBuffer]);
  port1.close();
}
