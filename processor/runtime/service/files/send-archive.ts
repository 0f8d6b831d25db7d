import { join } from "node:path";
import type { FastifyReply, FastifyRequest } from "fastify";
import { serviceError } from "../errors.js";
import type { ServiceContext } from "../service-context.js";
import { send } from "./send-file.js";
import { zipOf } from "./zip-of.js";

/**
 * Answers with a zip file of a job's results.
 *
 * @throws JOB_UNKNOWN, FILE_UNKNOWN, QUEUE_FULL
 */
export async function sendArchive(
  request: FastifyRequest,
  reply: FastifyReply,
  { context: { jobs, downloads }, id }: { readonly context: ServiceContext; readonly id: string },
): Promise<FastifyReply> {
  const files = jobs.get(id).result?.files ?? [];
  if (files.length === 0) throw serviceError("FILE_UNKNOWN", "the job has no results");
  const { outputDir } = jobs.stored(id).work;
  const zipped = files.map(({ name }) => ({ name, path: join(outputDir, name) }));
  downloads.take(reply);
  return send(request, reply, await zipOf(`${id}.zip`, zipped));
}
