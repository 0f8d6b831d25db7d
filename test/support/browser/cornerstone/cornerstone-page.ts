import { once } from "node:events";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { basename, join } from "node:path";
import { build } from "vite";
import { repositoryRoot } from "../../golden.js";

const source = join(repositoryRoot, "test", "support", "browser", "cornerstone");
const entry = "show-segmentation.mjs";
const bundles = join(repositoryRoot, "dist", "test", "cornerstone");
const script = "show-segmentation.js";

export interface CornerstonePage {
  readonly address: string;
  close(): Promise<void>;
}

/** Serves a page with Cornerstone3D, and the given files by their names, on this machine. */
export async function serveCornerstone(files: readonly string[]): Promise<CornerstonePage> {
  await bundle();
  const byName = new Map(files.map((path) => [basename(path), path]));
  const page = `<!doctype html><meta charset="utf-8"><title>Cornerstone3D</title>
<style>body { margin: 0; display: flex; background: #000; } .view { width: 400px; height: 400px; }</style>
<script type="module" src="${script}"></script>`;
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url!, "http://localhost");
    if (pathname === "/") {
      response.setHeader("content-type", "text/html").end(page);
      return;
    }
    const path = byName.get(basename(pathname)) ?? join(bundles, pathname);
    if (path.endsWith(".js")) response.setHeader("content-type", "text/javascript");
    if (path.endsWith(".wasm")) response.setHeader("content-type", "application/wasm");
    createReadStream(path)
      .on("error", () => response.writeHead(404).end())
      .pipe(response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: () => closed(server),
  };
}

async function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  server.close();
  await once(server, "close");
}

/** Bundles the page's script and its workers, if they are not up to date. */
async function bundle(): Promise<void> {
  const file = join(bundles, script);
  const [made, written] = await Promise.all([modified(file), modified(join(source, entry))]);
  if (made > written) return;
  await build({
    configFile: false,
    logLevel: "error",
    root: source,
    base: "./",
    resolve: {
      alias: {
        // The adapters import a package that they do not name; the one that they name has the same functions.
        "@babel/runtime": "@babel/runtime-corejs2",
        xmlbuilder2: join(source, "no-xml.mjs"),
      },
    },
    worker: { format: "es" },
    build: {
      outDir: bundles,
      emptyOutDir: true,
      target: "es2022",
      rolldownOptions: { input: join(source, entry), output: { entryFileNames: script } },
    },
  });
}

const modified = (path: string): Promise<number> =>
  stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
