import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { engineAddress } from "../../../src/docker/engine-address.js";

/** The real engine behind a socket that a test can close, as if the engine had died. */
export interface FragileEngine {
  /** The environment in which commands use this socket instead of the engine's own. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Cuts all connections and accepts no new ones. */
  die(): void;
}

/** @param onLoadAnswer called before the engine's answer to `docker load` is passed on */
export async function fragileEngine(
  folder: string,
  onLoadAnswer: () => void = () => {},
): Promise<FragileEngine> {
  const { options } = engineAddress(process.env);
  if (options.socketPath === undefined)
    throw new Error("these tests need an engine that listens on a socket");
  const path = join(folder, "engine.sock");
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const engine = connect(options.socketPath!);
    for (const socket of [client, engine]) {
      open.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        open.delete(socket);
        client.destroy();
        engine.destroy();
      });
    }
    let isLoad = false;
    client.on("data", (chunk: Buffer) => {
      isLoad ||= /^POST \S*\/images\/load/.test(chunk.toString("latin1", 0, 200));
    });
    engine.on("data", () => {
      if (isLoad) onLoadAnswer();
    });
    client.pipe(engine).pipe(client);
  });
  server.listen(path);
  await once(server, "listening");
  return {
    environment: { ...process.env, DOCKER_HOST: `unix://${path}` },
    die() {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}
