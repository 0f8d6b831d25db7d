import { createServer, type Server, type Socket } from "node:net";
import type { ReceiverOptions } from "./receiver-options.js";
import { serveAssociation } from "./serve-association.js";

export interface DicomReceiver {
  readonly port: number;
  /** Ends all connections. */
  close(): Promise<void>;
}

const mostAssociations = 32;

/** Opens a port that receives objects (C-STORE) and answers whether it is there (C-ECHO). */
export async function openReceiver(options: ReceiverOptions): Promise<DicomReceiver> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.setNoDelay();
    socket.setTimeout(options.idleMs, () => socket.destroy());
    socket.once("close", () => sockets.delete(socket));
    void serveAssociation(socket, { ...options, isFull: () => sockets.size > mostAssociations }).catch(
      (error: unknown) => options.onTrouble(error instanceof Error ? error.message : String(error)),
    );
  });
  server.maxConnections = mostAssociations * 2;
  const port = await listen(server, options);
  return {
    port,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

const listen = (server: Server, { host, port }: ReceiverOptions): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
