import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";

/** A real forward proxy on this machine. It accepts CONNECT and connects every host name to 127.0.0.1. */
export class ForwardProxy {
  /** The `host:port` of every tunnel that was requested. */
  readonly tunnels: string[] = [];
  readonly #server: Server = createServer((_request, response) => void response.writeHead(405).end());

  readonly #sockets = new Set<Socket>();

  /** @param password the password that Proxy-Authorization must have, for the user `user`; null for an open proxy */
  static async start(password: string | null = null): Promise<ForwardProxy> {
    const proxy = new ForwardProxy();
    const wanted = password === null ? null : `Basic ${Buffer.from(`user:${password}`).toString("base64")}`;
    proxy.#server.on("connection", (socket: Socket) => {
      proxy.#sockets.add(socket);
      socket.once("close", () => proxy.#sockets.delete(socket));
    });
    proxy.#server.on("connect", (request, client, head) => {
      client.on("error", () => {});
      if (wanted !== null && request.headers["proxy-authorization"] !== wanted) {
        client.end(
          'HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic realm="x"\r\ncontent-length: 0\r\n\r\n',
        );
        return;
      }
      proxy.tunnels.push(request.url ?? "");
      const port = Number(new URL(`http://${request.url}`).port || 80);
      const target = connect(port, "127.0.0.1", () => {
        client.write("HTTP/1.1 200 Connection Established\r\n\r\n");
        target.write(head);
        target.pipe(client);
        client.pipe(target);
      });
      target.on("error", () => client.destroy());
      client.on("close", () => target.destroy());
    });
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, "close");
  }
}
