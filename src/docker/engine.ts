import Docker from "dockerode";
import { type EngineAddress, engineAddress } from "./engine-address.js";
import { engineError } from "./engine-error.js";

/** A Docker engine that has answered. */
export interface Engine {
  readonly docker: Docker;
  /** Description for messages, such as `Docker 28.2.2 at unix:///var/run/docker.sock`. */
  readonly description: string;
}

/**
 * Finds the engine and asks for its version.
 *
 * @throws ENGINE_MISSING if none answers, ENGINE_FORBIDDEN if this user may not open its socket
 */
export async function connectEngine(
  environment: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Promise<Engine> {
  const address = engineAddress(environment);
  // Only the first answer has a time limit, because a later one may take as long as an upload.
  const probe = new Docker({ ...address.options, timeout: 10_000 });
  const { Version } = await probe.version().catch((error: unknown) => {
    throw unreachable(error, address);
  });
  signal.throwIfAborted();
  return { docker: new Docker(address.options), description: `Docker ${Version} at ${address.url}` };
}

const unreachable = (error: unknown, { url }: EngineAddress) =>
  engineError(error, `no Docker engine answers at ${url}`, "ENGINE_MISSING");
