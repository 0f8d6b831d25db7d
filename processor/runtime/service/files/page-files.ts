import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import "@fastify/swagger";
import type { FastifyInstance } from "fastify";

const mediaTypes: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  json: "application/json",
  svg: "image/svg+xml",
  png: "image/png",
  ico: "image/x-icon",
  wasm: "application/wasm",
  woff2: "font/woff2",
  txt: "text/plain; charset=utf-8",
};

/** Serves the built web page. Its few files stay in memory, and no other file can be reached. */
export async function addPage(app: FastifyInstance, folder: string): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  for (const entry of entries.filter((found) => found.isFile())) {
    const path = join(entry.parentPath, entry.name);
    const address = `/${relative(folder, path).split(sep).join("/")}`;
    const bytes = await readFile(path);
    const etag = `"${createHash("sha256").update(bytes).digest("base64url").slice(0, 22)}"`;
    const type = mediaTypes[/\.(\w+)$/.exec(entry.name)?.[1] ?? ""] ?? "application/octet-stream";
    const isNamedByContent = /-[\w-]{8,}\.\w+$/.test(entry.name);
    app.get(address === "/index.html" ? "/" : address, { schema: { hide: true } }, (request, reply) => {
      void reply
        .header("etag", etag)
        .header("cache-control", isNamedByContent ? "public, max-age=31536000, immutable" : "no-cache");
      if (request.headers["if-none-match"] === etag) return reply.code(304).send();
      return reply.type(type).send(bytes);
    });
  }
}
