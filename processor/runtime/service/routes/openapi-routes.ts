import "@fastify/swagger";
import type { FastifyInstance } from "fastify";

/** The description of all routes, made from the schemas that check requests, and a page that shows it. */
export function addOpenapiRoutes(app: FastifyInstance): void {
  app.route({
    method: "GET",
    url: "/openapi.json",
    schema: { hide: true },
    handler: () => Promise.resolve(app.swagger()),
  });
  app.route({
    method: "GET",
    url: "/docs",
    schema: { hide: true },
    handler: (_, reply) =>
      reply.type("text/html; charset=utf-8").send(pageOf(app.swagger() as OpenApiDocument)),
  });
}

interface OpenApiDocument {
  readonly paths?: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

interface Operation {
  readonly summary?: string;
  readonly tags?: readonly string[];
  readonly requestBody?: unknown;
}

/** Returns a page without scripts, because the server sends none of other makers. */
function pageOf({ paths = {} }: OpenApiDocument): string {
  const rows = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(
      ([method, { summary = "", tags = [], requestBody }]) =>
        `<tr><td>${escaped(tags.join(", "))}</td><td><code>${method.toUpperCase()} ${escaped(path)}</code></td><td>${escaped(summary)}${requestBody === undefined ? "" : `<details><summary>Body</summary><pre>${escaped(JSON.stringify(requestBody, null, 2))}</pre></details>`}</td></tr>`,
    ),
  );
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Routes of nnunet-processor</title><style>body{font:16px system-ui;margin:2rem}table{border-collapse:collapse}td{border-top:1px solid #888;padding:.4rem .8rem;vertical-align:top}pre{overflow:auto;max-width:70rem}</style></head><body><h1>Routes</h1><p>The machine-readable form is <a href="/openapi.json">/openapi.json</a>.</p><table>${rows.join("")}</table></body></html>`;
}

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
