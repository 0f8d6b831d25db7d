import { text } from "node:stream/consumers";
import { vi } from "vitest";
import { testEngine } from "./docker.js";

const port = "12345/tcp";

export interface ContainerServer {
  readonly address: string;
  /** Sends SIGTERM, and returns the exit code and all that was written. */
  stop(): Promise<{ readonly exitCode: number; readonly output: string }>;
  remove(): Promise<void>;
}

/** Starts `serve` in an image with a read-only root, and waits until it takes jobs. */
export async function startContainerServer(
  imageName: string,
  { args, binds }: { readonly args: readonly string[]; readonly binds: readonly string[] },
): Promise<ContainerServer> {
  const container = await testEngine().docker.createContainer({
    Image: imageName,
    User: "1000:1000",
    Cmd: ["serve", ...args],
    ExposedPorts: { [port]: {} },
    HostConfig: {
      ReadonlyRootfs: true,
      Tmpfs: { "/tmp": "" },
      Binds: [...binds],
      PortBindings: { [port]: [{ HostIp: "127.0.0.1", HostPort: "0" }] },
    },
  });
  const remove = () => container.remove({ force: true });
  try {
    await container.start();
    const { NetworkSettings: network } = await container.inspect();
    const address = `http://127.0.0.1:${network.Ports[port]![0]!.HostPort}`;
    await vi.waitFor(
      async () => {
        // The engine accepts connections before the server does.
        const signal = AbortSignal.timeout(2000);
        const answer = await fetch(`${address}/readyz`, { signal }).catch(() => null);
        if (answer?.status === 200) return;
        const { State: state } = await container.inspect();
        const written = state.Running ? "" : await text(await container.logs({ stdout: true, follow: true }));
        throw new Error(`the server is not ready; ${written}`);
      },
      { timeout: 300_000, interval: 500 },
    );
    return {
      address,
      remove,
      async stop() {
        await container.kill({ signal: "SIGTERM" });
        const { StatusCode: exitCode } = (await container.wait()) as { readonly StatusCode: number };
        const written = await container.logs({ stdout: true, stderr: true, follow: true });
        return { exitCode, output: await text(written) };
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }
}
